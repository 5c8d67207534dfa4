-- The outbox, second version. An effect is one wide row that is written when it is born and when an attempt of it has ended, and never in
-- between: that it waits is told by a narrow row of the queue, that it runs by a lease, one row for all that was claimed at once.
--   waits       a row in hub.effect_queue, status waiting
--   runs        its id with the number of the attempt in a row of hub.effect_leases; status waiting, attempt one less than that number
--   is over     any other status
-- Whoever settles an attempt raises hub.outbox.attempt from the number before it to its own. So one of all that try ends an attempt.

create table hub.effect_queue (
  effect_id    uuid        not null constraint effect_queue_one_row_per_effect primary key,
  destination  text        not null,
  due_at       timestamptz not null
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
create index effect_queue_due on hub.effect_queue (destination, due_at);
comment on table hub.effect_queue is 'Effects that wait and that nobody holds: whoever deletes the row has taken the effect';

-- Ids are random and cannot be compressed, so nobody tries.
create table hub.effect_leases (
  worker        text         not null,
  number        integer      not null,
  destination   text         not null,
  claimed_at    timestamptz  not null,
  leased_until  timestamptz  not null,
  effects       uuid[]       not null,
  attempts      integer[]    not null,
  constraint effect_leases_one_number_per_worker primary key (worker, number),
  constraint effect_leases_one_attempt_per_effect check (cardinality(effects) = cardinality(attempts))
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
alter table hub.effect_leases alter column effects set storage external;
comment on table hub.effect_leases is 'What a worker claimed at once; effects that are settled stay in it until all are';
comment on column hub.effect_leases.claimed_at is 'By the clock of the service; leased_until is by the clock of the database, which nobody moves';

insert into hub.effect_queue (effect_id, destination, due_at) select effect_id, destination, due_at from hub.effects where status = 'waiting';
insert into hub.effect_leases (worker, number, destination, claimed_at, leased_until, effects, attempts)
  select coalesce(worker, ''), row_number() over (order by leased_until), destination, hub.now(), leased_until, array[effect_id], array[attempt]
    from hub.effects where status = 'running';

alter table hub.effects rename to outbox;
alter table hub.outbox drop constraint effects_running_means_leased, drop constraint effects_status_is_known;
drop index hub.effects_due, hub.effects_leased, hub.effects_troubled;
alter table hub.outbox rename constraint effects_pkey to outbox_one_row_per_effect;
alter index hub.effects_by_subject rename to outbox_by_subject;
alter index hub.effects_by_time rename to outbox_by_time;
update hub.outbox set status = 'waiting', attempt = attempt - 1 where status = 'running';

-- A settled row is about 1.7 times as large as a new one and should find room beside it: then no index is written. For the same reason no
-- index looks at the status itself, but at a column that stays null as long as all goes well.
alter table hub.outbox set (fillfactor = 35);
create function hub.history_lines(history jsonb) returns text language sql immutable
  as $$ select coalesce(string_agg(entry::text || E'\n', '' order by place), '') from jsonb_array_elements(history) with ordinality as item (entry, place) $$;
alter table hub.outbox
  alter column history drop default,
  alter column history type text using hub.history_lines(history),
  alter column history set default '',
  drop column leased_until,
  drop column worker,
  add column stopped text generated always as (case when status in ('refused', 'unknown', 'dead', 'cancelled') then status end) stored,
  add constraint outbox_status_is_known check (status in ('waiting', 'done', 'refused', 'unknown', 'dead', 'cancelled'));
drop function hub.history_lines;
create index outbox_stopped on hub.outbox (stopped, destination) where stopped is not null;
comment on column hub.outbox.stopped is 'The status of an effect that came to another end than done';
comment on column hub.outbox.attempt is 'The last attempt that has ended';
comment on column hub.outbox.history is 'What became of the attempts, and what operators did: one JSON object a line';

create function hub.history(lines text) returns json language sql immutable parallel safe
  as $$ select ('[' || replace(rtrim(lines, E'\n'), E'\n', ',') || ']')::json $$;

-- Effects as readers see them. It is for reading: a process of an earlier version can neither claim nor settle through it. Whoever looks for
-- few effects of one status begins at the table that knows them: effect_queue, effect_leases, or outbox.stopped, which have the indexes.
create view hub.effects as
  select o.effect_id, o.destination, o.kind, o.reactor, o.event_id, o.event_position, o.subject, o.payload,
         case when o.status <> 'waiting' then o.status when q.effect_id is not null then 'waiting' else 'running' end as status,
         o.due_at, case when o.status = 'waiting' and q.effect_id is null then o.attempt + 1 else o.attempt end as attempt, o.first_attempt_at,
         o.last_error, o.outcome, hub.history(o.history) as history, o.created_at, o.settled_at, o.first_position, o.event_count
    from hub.outbox o left join hub.effect_queue q on q.effect_id = o.effect_id and o.status = 'waiting';
comment on view hub.effects is 'Every effect with its present status: waiting, running, done, refused, unknown, dead or cancelled';

create or replace view read.effects as
  select e.effect_id, e.destination, e.kind, e.status, e.attempt as attempts,
         case when e.status = 'waiting' then e.due_at end as next_attempt_at, e.effect_id::text as provider_key, e.last_error,
         e.event_id as caused_by, e.created_at, e.settled_at
    from hub.effects e where e.destination <> 'hub';
