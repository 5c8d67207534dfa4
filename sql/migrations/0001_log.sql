-- The log: one ordered list of facts, and the small tables that an append touches together with it.
create schema hub;
create schema read;
comment on schema read is 'Read models for analysts: views only, names, phones and emails masked';

-- The clock of the service. The sandbox moves it; production leaves the offset at zero.
create table hub.clock (
  only_row   boolean  not null default true primary key constraint clock_has_one_row check (only_row),
  offset_by  interval not null default interval '0'
);
insert into hub.clock default values;

-- What is due is asked of hub.now(); leases use clock_timestamp(), because moving the clock must not free a running attempt.
create function hub.now() returns timestamptz language sql stable parallel safe
  as $$ select clock_timestamp() + (select offset_by from hub.clock) $$;

-- The head row is the order: whoever appends takes it first, so positions are gapless and in commit order.
create table hub.head (
  only_row  boolean not null default true primary key constraint head_has_one_row check (only_row),
  position  bigint  not null constraint head_position_counts_up check (position >= 0)
) with (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_analyze_scale_factor = 0);
insert into hub.head (position) values (0);

create table hub.events (
  position     bigint      not null constraint events_one_event_per_position primary key,
  event_id     uuid        not null constraint events_one_position_per_event unique,
  stream       text        not null,
  version      integer     not null constraint events_version_starts_at_one check (version >= 1),
  subject      text        not null,
  type         text        not null,
  data         jsonb       not null,
  meta         jsonb       not null,
  recorded_at  timestamptz not null,
  constraint events_one_version_per_stream unique (stream, version)
) with (autovacuum_vacuum_insert_scale_factor = 0.1);
create index events_by_subject on hub.events (subject, position);

-- One row per person: the wrapped data key that seals the personal fields of the events about them. Gone means forgotten.
create table hub.person_keys (
  subject       text        not null primary key,
  wrapped       bytea,
  created_at    timestamptz not null,
  destroyed_at  timestamptz,
  constraint person_keys_destroyed_means_empty check ((wrapped is null) = (destroyed_at is not null))
);

-- What may exist once: `key` is an HMAC of the claimed thing, so that an INN or an address is not readable here.
create table hub.claims (
  key     text not null constraint claims_one_holder primary key,
  stream  text not null
);
create index claims_by_stream on hub.claims (stream);
