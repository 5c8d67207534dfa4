-- Lists of names in lower case, so that one index finds an item however it was typed. Immutable, as an index wants it; order and
-- length stay. The cost tells the planner that the index is worth more than asking row by row.
create function hub.lowered(names text[]) returns text[] language sql immutable strict parallel safe cost 1000
  as $$ select coalesce(array_agg(lower(name) order by place), '{}') from unnest(names) with ordinality as item (name, place) $$;
