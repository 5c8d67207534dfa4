-- name: table
create table {table} (
  run_id text not null primary key,
  provider text not null,
  first_day text not null,
  day text not null,
  trigger text not null,
  dry_run boolean not null,
  status text not null,
  code text,
  pages integer not null,
  theirs integer not null,
  foreign_count integer not null,
  behind integer not null,
  different integer not null,
  ours integer,
  findings jsonb not null,
  started_at timestamptz not null,
  finished_at timestamptz,
  position bigint not null
)

-- name: indexes
create index on {table} (started_at, run_id);
create index on {table} (provider, started_at, run_id)

-- name: view
create or replace view read.reconciliation as
select run_id, provider, first_day, day, trigger, dry_run, status, code, pages, theirs, foreign_count, behind, different, ours, findings,
       started_at, finished_at, position
  from {table};
comment on view read.reconciliation is 'Comparisons of the providers'' books with ours';
comment on column read.reconciliation.run_id is 'Our id of the comparison';
comment on column read.reconciliation.provider is 'yookassa, cloudpayments or flexbe';
comment on column read.reconciliation.first_day is 'The first day of Moscow that was compared';
comment on column read.reconciliation.day is 'The last day of Moscow that was compared';
comment on column read.reconciliation.trigger is 'operator or schedule';
comment on column read.reconciliation.dry_run is 'Whether it only told what differs';
comment on column read.reconciliation.status is 'running, finished or failed';
comment on column read.reconciliation.code is 'Why it failed';
comment on column read.reconciliation.pages is 'Pages of the provider''s books that were read';
comment on column read.reconciliation.theirs is 'Payments, refunds or leads in the provider''s books';
comment on column read.reconciliation.foreign_count is 'Those without a number of ours';
comment on column read.reconciliation.behind is 'Those that we did not know of, or not all; they are corrected by themselves';
comment on column read.reconciliation.different is 'Those that a person should look at';
comment on column read.reconciliation.ours is 'Payments of these days in our books; null while it runs';
comment on column read.reconciliation.findings is 'What was found, at most 100';
comment on column read.reconciliation.started_at is 'When it began';
comment on column read.reconciliation.finished_at is 'When it ended';
comment on column read.reconciliation.position is 'Position of the last event that changed the row'
