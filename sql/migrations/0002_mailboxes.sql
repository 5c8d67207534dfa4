-- The inbox: each delivery with its bytes and its verdict.
create table hub.inbox (
  webhook_id      uuid        not null primary key,
  source          text        not null,
  route           text        not null,
  dedupe_key      text        not null,
  verdict         text        not null constraint inbox_verdict_is_known
                    check (verdict in ('accepted', 'duplicate', 'ignored', 'quarantined', 'conflict')),
  reason          text,
  received_at     timestamptz not null,
  peer            text        not null,
  secret_name     text        not null,
  method          text        not null,
  path            text        not null,
  query           text        not null,
  headers         jsonb       not null,
  body            bytea,
  sha256          bytea       not null,
  subject         text,
  first_position  bigint,
  event_count     integer     not null default 0,
  repeat_of       uuid
) with (autovacuum_vacuum_insert_scale_factor = 0.1);
create index inbox_by_time on hub.inbox (received_at, webhook_id);
create index inbox_by_dedupe_key on hub.inbox (dedupe_key);
create index inbox_by_subject on hub.inbox (subject) where subject is not null;
create index inbox_held on hub.inbox (verdict, received_at) where verdict in ('quarantined', 'conflict');

-- Dedupe keys outlive the bytes: providers repeat for days, people resend after weeks.
create table hub.inbox_keys (
  key_hash      bytea       not null constraint inbox_keys_one_delivery_per_key primary key,
  webhook_id    uuid        not null,
  content_hash  bytea       not null,
  seen_at       timestamptz not null
);
create index inbox_keys_by_time on hub.inbox_keys (seen_at);

-- Equal repeats only raise a number.
create table hub.inbox_repeats (
  webhook_id  uuid        not null primary key,
  count       bigint      not null,
  first_at    timestamptz not null,
  last_at     timestamptz not null
) with (fillfactor = 50);

-- The outbox: each effect once, born with the reactor's checkpoint, fenced by its attempt number.
create table hub.effects (
  effect_id         uuid        not null primary key,
  destination       text        not null,
  kind              text        not null,
  reactor           text        not null,
  event_id          uuid        not null,
  event_position    bigint      not null,
  subject           text        not null,
  payload           jsonb       not null,
  status            text        not null default 'waiting' constraint effects_status_is_known
                      check (status in ('waiting', 'running', 'done', 'refused', 'unknown', 'dead', 'cancelled')),
  due_at            timestamptz not null,
  attempt           integer     not null default 0,
  first_attempt_at  timestamptz,
  leased_until      timestamptz,
  worker            text,
  last_error        text,
  outcome           jsonb,
  history           jsonb       not null default '[]',
  created_at        timestamptz not null,
  settled_at        timestamptz,
  first_position    bigint,
  event_count       integer     not null default 0,
  constraint effects_running_means_leased check ((status = 'running') = (leased_until is not null))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
create index effects_due on hub.effects (destination, due_at) where status = 'waiting';
create index effects_leased on hub.effects (leased_until) where status = 'running';
create index effects_by_subject on hub.effects (subject);
create index effects_by_time on hub.effects (created_at, effect_id);
create index effects_troubled on hub.effects (destination, status) where status in ('unknown', 'dead', 'refused');

-- A destination is asked to wait by an operator (no end) or by its own answer (until a moment).
create table hub.destinations (
  name          text        not null primary key,
  paused_until  timestamptz,
  paused_by     text,
  reason        text
);

-- Who reads the log, how far, and who holds the lease of doing so.
create table hub.followers (
  name          text        not null primary key,
  position      bigint      not null,
  owner         text,
  leased_until  timestamptz
) with (fillfactor = 50);

-- Versions of the read models: one table each; exactly one is live.
create table hub.read_models (
  name        text        not null,
  version     integer     not null,
  role        text        not null constraint read_models_role_is_known check (role in ('live', 'candidate', 'previous', 'failed')),
  ready       boolean     not null default false,
  position    bigint      not null,
  target      bigint,
  seen_count  bigint      not null default 0,
  started_at  timestamptz not null default clock_timestamp(),
  error       text,
  constraint read_models_one_row_per_version primary key (name, version)
) with (fillfactor = 50);
create unique index read_models_one_live on hub.read_models (name) where role = 'live';
create unique index read_models_one_candidate on hub.read_models (name) where role = 'candidate';
create unique index read_models_one_previous on hub.read_models (name) where role = 'previous';

-- An event whose fold failed waits here, and later events of the same key wait behind it.
create table hub.parked_events (
  read_model  text        not null,
  version     integer     not null,
  key         text        not null,
  position    bigint      not null,
  error       text,
  parked_at   timestamptz not null default clock_timestamp(),
  constraint parked_events_one_row_per_position primary key (read_model, version, position)
);
create index parked_events_by_key on hub.parked_events (read_model, version, key, position);

-- Small documents the service keeps for itself: page templates, twin states, learned ids.
create table hub.documents (
  name          text        not null primary key,
  content_type  text        not null,
  body          bytea       not null,
  saved_at      timestamptz not null default clock_timestamp()
);
