-- Lists of names in lower case, so that one index finds an item however it was typed. Immutable, as an index wants it; order and
-- length stay.
create function hub.lowered(names text[]) returns text[] language sql immutable strict parallel safe
  as $$ select coalesce(array_agg(lower(name) order by place), '{}') from unnest(names) with ordinality as item (name, place) $$;
