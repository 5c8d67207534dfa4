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

-- hub.append, as it was in 0005; only what it does with settlements is new.

-- Appends a batch. The head row is locked first; everything is checked in later statements, whose snapshots are younger than the
-- wait; then rows go in, the head moves, and one notification is sent. No member fails its neighbours. Members never touch the
-- same stream, dedupe key, claim or effect as another member of their batch: the caller keeps such members apart.
--   p_appends  [{i, s: stream, v: expected version or null, n: count of events, k: key hash, c: content hash}]
--   p_events   [{i, n, id, s, b: subject, t: type, d: data, m: meta}]     i: index of the append, from 1; n: from 1 within it
--   p_inbox    [{i, ...}]   p_claims [{i, k: key, take}]   p_keys [{i, b: subject, w: wrapped key}]
--   p_settle   [{i, e: effect, a: attempt, st: status, o: outcome, er: error, du: due, h: [history entry], n: count of events,
--               f: start of its first attempt}]
--   p_connection  the caller's name of its connection; an error 57P05 when it was revoked
-- verdicts: 0 appended, 1 duplicate, 2 fenced, 3 claimed, 4 conflict.
create or replace function hub.append(
  p_appends text, p_events text, p_inbox text, p_claims text, p_keys text, p_settle text,
  p_connection uuid default null,
  out head bigint, out recorded_at timestamptz, out verdicts int[], out versions int[], out positions bigint[], out details json
) language plpgsql volatile
  set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  -- Parsed before the lock, so that nobody waits for it.
  v_appends jsonb := p_appends::jsonb;
  v_events jsonb := nullif(p_events, '')::jsonb;
  v_inbox jsonb := nullif(p_inbox, '')::jsonb;
  v_claims jsonb := nullif(p_claims, '')::jsonb;
  v_keys jsonb := nullif(p_keys, '')::jsonb;
  v_settle jsonb := nullif(p_settle, '')::jsonb;
  v_new bigint := coalesce(jsonb_array_length(v_events), 0);
  v_revoked boolean;
  v_firsts json := '[]';
  v_holders json := '[]';
  v_claimed int[] := '{}';
  v_fenced int[] := '{}';
  v_known int[] := '{}';
  v_keyed int[] := '{}';
  v_count bigint;
begin
  -- Whoever appends queues here: this lock is handed on at once, a row lock only after its waiters have woken each other. The head row
  -- is still what decides, so that an append of an older version, which knows the row only, stays in order.
  perform pg_advisory_xact_lock(726551010);
  -- The lock, and the head as it will be when every member is appended, which is nearly always.
  update hub.head h set position = h.position + v_new returning h.position - v_new into head;
  -- hub.now(), written out: a call that PostgreSQL cannot inline costs as much as the insert of an event.
  select clock_timestamp() + c.offset_by, exists (select from hub.revoked_connections r where r.connection = p_connection)
    into recorded_at, v_revoked from hub.clock c;
  if v_revoked then
    raise exception 'Cannot append: this connection was given up' using errcode = '57P05';
  end if;

  if v_inbox is not null then
    select coalesce(array_agg(i), '{}'), coalesce(json_agg(json_build_object('i', i, 'w', webhook_id, 'same', same, 'p', first_position, 'n', event_count)), '[]')
      into v_known, v_firsts
      from (select a.i, k.webhook_id, k.content_hash = decode(a.c, 'base64') as same, b.first_position, b.event_count
              from jsonb_to_recordset(v_appends) as a(i int, k text, c text)
              join hub.inbox_keys k on k.key_hash = decode(a.k, 'base64')
              left join hub.inbox b on b.webhook_id = k.webhook_id) known;
  end if;
  if v_settle is not null then
    select coalesce(array_agg(s.i), '{}') into v_fenced
      from jsonb_to_recordset(v_settle) as s(i int, e uuid, a int)
      where not exists (select from hub.outbox f where f.effect_id = s.e and f.attempt = s.a - 1 and f.status = 'waiting' for update);
  end if;
  if v_claims is not null then
    select coalesce(array_agg(i), '{}'), coalesce(json_agg(json_build_object('i', i, 'k', k, 's', stream)), '[]')
      into v_claimed, v_holders
      from (select c.i, c.k, t.stream
              from jsonb_to_recordset(v_claims) as c(i int, k text, s text, take boolean)
              join hub.claims t on t.key = c.k
              where c.take and t.stream <> c.s) taken;
  end if;
  if v_keys is not null then
    -- Somebody else gave this person a key meanwhile: what was sealed with ours could never be opened.
    select coalesce(array_agg(c.i), '{}') into v_keyed
      from jsonb_to_recordset(v_keys) as c(i int, b text) join hub.person_keys p on p.subject = c.b;
  end if;

  select array_agg(verdict order by i), array_agg(version order by i), array_agg(first_position order by i)
    into verdicts, versions, positions
    from (select i, verdict, version,
                 head + 1 + coalesce(sum(case when verdict = 0 then n else 0 end)
                                     over (order by i rows between unbounded preceding and 1 preceding), 0) as first_position
            from (select a.i, a.n, coalesce(last.version, 0) as version,
                         case when a.i = any (v_known) then 1
                              when a.i = any (v_fenced) then 2
                              when a.i = any (v_claimed) then 3
                              when a.i = any (v_keyed) or a.v <> coalesce(last.version, 0) then 4
                              else 0 end as verdict
                    from jsonb_to_recordset(v_appends) as a(i int, s text, v int, n int)
                    left join lateral (select e.version from hub.events e where e.stream = a.s order by e.version desc limit 1) last on true
                 ) checked
         ) placed;

  if v_events is not null then
    insert into hub.events (position, event_id, stream, version, subject, type, data, meta, recorded_at)
      select positions[e.i] + e.n - 1, e.id, e.s, versions[e.i] + e.n, e.b, e.t, e.d, e.m, recorded_at
        from jsonb_to_recordset(v_events) as e(i int, n int, id uuid, s text, b text, t text, d jsonb, m jsonb)
        where verdicts[e.i] = 0;
    get diagnostics v_count = row_count;
    if v_count <> v_new then
      update hub.head h set position = head + v_count;
    end if;
    if v_count > 0 then
      perform pg_notify('hub_log', (head + v_count)::text);
    end if;
  end if;
  if v_inbox is not null then
    insert into hub.inbox_keys (key_hash, webhook_id, content_hash, seen_at)
      select decode(a.k, 'base64'), a.w, decode(a.c, 'base64'), recorded_at
        from jsonb_to_recordset(v_appends) as a(i int, w uuid, k text, c text)
        where a.k is not null and verdicts[a.i] = 0;
    insert into hub.inbox (webhook_id, source, route, dedupe_key, verdict, reason, received_at, peer, secret_name, method, path, query,
                           headers, body, sha256, subject, first_position, event_count, repeat_of)
      select b.w, b.src, b.route, b.key, b.verdict, b.reason, b.at, b.peer, b.secret, b.method, b.path, b.query,
             b.headers, decode(b.body, 'base64'), decode(b.sha, 'base64'), b.subject,
             case when b.n > 0 then positions[b.i] end, b.n, b.rep
        from jsonb_to_recordset(v_inbox) as b(i int, w uuid, src text, route text, key text, verdict text, reason text, at timestamptz,
               peer text, secret text, method text, path text, query text, headers jsonb, body text, sha text, subject text, n int, rep uuid)
        where verdicts[b.i] = 0;
  end if;
  if v_keys is not null then
    insert into hub.person_keys (subject, wrapped, created_at)
      select k.b, decode(k.w, 'base64'), recorded_at from jsonb_to_recordset(v_keys) as k(i int, b text, w text) where verdicts[k.i] = 0;
  end if;
  if v_claims is not null then
    delete from hub.claims t using jsonb_to_recordset(v_claims) as c(i int, k text, s text, take boolean)
      where not c.take and t.key = c.k and t.stream = c.s and verdicts[c.i] = 0;
    insert into hub.claims (key, stream)
      select c.k, c.s from jsonb_to_recordset(v_claims) as c(i int, k text, s text, take boolean)
      where c.take and verdicts[c.i] = 0
      on conflict (key) do nothing;
  end if;
  if v_settle is not null then
    with ended as (
      update hub.outbox f
        set status = s.st, attempt = s.a, first_attempt_at = coalesce(f.first_attempt_at, s.f, recorded_at), outcome = s.o, last_error = s.er,
            due_at = coalesce(s.du, f.due_at), settled_at = case when s.st in ('waiting', 'unknown') then null else recorded_at end,
            history = f.history || (s.h ->> 0) || E'\n',
            first_position = case when s.n > 0 then positions[s.i] else f.first_position end,
            event_count = case when s.n > 0 then s.n else f.event_count end
        from jsonb_to_recordset(v_settle) as s(i int, e uuid, a int, st text, o jsonb, er text, du timestamptz, h jsonb, n int, f timestamptz)
        where f.effect_id = s.e and f.attempt = s.a - 1 and f.status = 'waiting' and verdicts[s.i] = 0
        returning f.effect_id, f.destination, f.due_at, f.status
    )
    insert into hub.effect_queue (effect_id, destination, due_at) select e.effect_id, e.destination, e.due_at from ended e where e.status = 'waiting';
  end if;
  details := json_build_object('firsts', v_firsts, 'holders', v_holders);
end $$;
