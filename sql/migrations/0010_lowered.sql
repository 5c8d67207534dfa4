-- Lists of names in lower case are columns of their own: a page of a rare service passes over thousands of rows, and a function asked
-- for each of them takes longer than all the rest.
create or replace function hub.lowered(names text[]) returns text[] language plpgsql immutable strict parallel safe cost 1000
  as $$ begin return lower(names::text)::text[]; end $$;

do $$
declare
  v_table text;
  v_view text;
begin
  for v_table in
    select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'hub_read' and c.relkind = 'r' and c.relname ~ '^partners_[0-9]+$'
  loop
    execute format($sql$
      alter table %1$s
        add column services_lowered text[] not null generated always as (hub.lowered(services)) stored,
        add column areas_lowered text[] not null generated always as (hub.lowered(areas)) stored;
      create index on %1$s using gin (services_lowered) with (fastupdate = off)$sql$, v_table);
  end loop;
  -- The view of the live version gains the columns at its end, as every later one has them.
  if to_regclass('read.partners') is not null then
    select 'create or replace view read.partners as ' || regexp_replace(pg_get_viewdef('read.partners'::regclass),
             '\s+FROM\s+(\S+);$', E',\n services_lowered, areas_lowered FROM \\1') into v_view;
    execute v_view;
  end if;
end $$;
