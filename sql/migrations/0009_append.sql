-- hub.append, third version. Rows come as one array a column, which PostgreSQL reads in a third of the time that JSON takes; the common
-- batch, in which every member is appended, is decided by one look at the streams.

drop function hub.append(text, text, text, text, text, text, uuid);

-- What every append asks is in the row that it moves anyway. That row is cleaned up when its page is full, not at each look.
alter table hub.head add column revoked uuid[] not null default '{}';
comment on column hub.head.revoked is 'The connections of hub.revoked_connections';
update hub.head set revoked = (select coalesce(array_agg(connection), '{}') from hub.revoked_connections);
alter table hub.head reset (fillfactor);

-- Claims are looked up by their key only, which is an HMAC: it is compared byte by byte, and nobody asks for the claims of a stream.
drop index hub.claims_by_stream;
alter table hub.claims alter column key type text collate "C";
-- Keys are dropped by their age, and lie in the order in which they were seen.
drop index hub.inbox_keys_by_time;
create index inbox_keys_by_time on hub.inbox_keys using brin (seen_at) with (autosummarize = on);

-- Appends a batch. The lock is taken first; everything is checked in later statements, whose snapshots are younger than the wait; then rows
-- go in, the head moves, and one notification is sent. No member fails its neighbours. Members never touch the same stream, dedupe key,
-- claim or effect as another member of their batch: the caller keeps such members apart.
--   p_connection  the caller's name of its connection; an error 57P05 when it was revoked
--   one element a member, in order:   p_streams, p_versions (the expected one or null), p_offsets (events of the members before it)
--   one element a row, with the number of its member, from 1, in p_…_of; events are in the order of their members:
--   p_event_… p_inbox_… (columns of hub.inbox; key_hashes and content_hashes of hub.inbox_keys) p_claim_… p_key_… p_settle_…
-- verdicts: 0 appended, 1 duplicate, 2 fenced, 3 claimed, 4 conflict; null when all are appended. versions: of the streams before.
-- positions: of the first events of the members; null when all are appended, one after the other behind the head.
create function hub.append(
  p_connection uuid, p_streams text[], p_versions int[], p_offsets int[],
  p_event_of int[], p_event_ids uuid[], p_event_subjects text[], p_event_types text[], p_event_data jsonb[], p_event_meta jsonb[],
  p_inbox_of int[] default null, p_inbox_ids uuid[] default null, p_inbox_key_hashes bytea[] default null,
  p_inbox_content_hashes bytea[] default null, p_inbox_sources text[] default null, p_inbox_routes text[] default null,
  p_inbox_dedupe_keys text[] default null, p_inbox_verdicts text[] default null, p_inbox_reasons text[] default null,
  p_inbox_received_at timestamptz[] default null, p_inbox_peers text[] default null, p_inbox_secret_names text[] default null,
  p_inbox_methods text[] default null, p_inbox_paths text[] default null, p_inbox_queries text[] default null,
  p_inbox_headers jsonb[] default null, p_inbox_bodies bytea[] default null, p_inbox_sha256 bytea[] default null,
  p_inbox_subjects text[] default null, p_inbox_event_counts int[] default null, p_inbox_repeat_of uuid[] default null,
  p_claim_of int[] default null, p_claim_keys text[] default null, p_claim_takes boolean[] default null,
  p_key_of int[] default null, p_key_subjects text[] default null, p_key_wrapped bytea[] default null,
  p_settle_of int[] default null, p_settle_effects uuid[] default null, p_settle_attempts int[] default null,
  p_settle_statuses text[] default null, p_settle_outcomes jsonb[] default null, p_settle_errors text[] default null,
  p_settle_due_at timestamptz[] default null, p_settle_history text[] default null, p_settle_event_counts int[] default null,
  p_settle_first_attempt_at timestamptz[] default null,
  out head bigint, out recorded_at timestamptz, out verdicts int[], out versions int[], out positions bigint[], out details json
) language plpgsql volatile
  set plan_cache_mode = force_generic_plan set enable_hashjoin = off set enable_mergejoin = off
as $$
declare
  v_new bigint := cardinality(p_event_of);
  v_revoked boolean;
  v_known int[] := '{}';
  v_fenced int[] := '{}';
  v_claimed int[] := '{}';
  v_keyed int[] := '{}';
  v_held text[] := '{}';
  v_firsts json := '[]';
  v_holders json := '[]';
  v_count bigint;
  v_notified text;
  -- A variable is kept apart by elements, an argument is not, and its elements are asked for once an event.
  v_streams text[] := p_streams;
begin
  -- Whoever appends queues here: this lock is handed on at once, a row lock only after its waiters have woken each other. What follows
  -- begins behind it, and sees everything that was appended before. Asked in an expression, which costs less than a statement.
  if pg_advisory_xact_lock(726551010) is null then
    raise exception 'Cannot append: the lock was not taken';
  end if;
  -- The head as it will be when every member is appended, which is nearly always; the clock, which is hub.now() written out, because a
  -- call that PostgreSQL cannot inline costs as much as the insert of an event; and the versions of the streams. All in one statement,
  -- because a lone append pays more for statements than for rows.
  update hub.head h set position = h.position + v_new from hub.clock c
    returning h.position - v_new, clock_timestamp() + c.offset_by, p_connection = any (h.revoked),
              array(select coalesce((select e.version from hub.events e where e.stream = m.stream order by e.version desc limit 1), 0)
                      from unnest(p_streams) as m(stream))
    into head, recorded_at, v_revoked, versions;
  if v_revoked then
    raise exception 'Cannot append: this connection was given up' using errcode = '57P05';
  end if;

  if p_inbox_of is not null then
    select coalesce(array_agg(b.i), '{}') into v_known
      from unnest(p_inbox_of, p_inbox_key_hashes) as b(i, key_hash) join hub.inbox_keys k on k.key_hash = b.key_hash;
  end if;
  if p_settle_of is not null then
    select coalesce(array_agg(s.i), '{}') into v_fenced
      from unnest(p_settle_of, p_settle_effects, p_settle_attempts) as s(i, effect, attempt)
      where not exists (select from hub.outbox f where f.effect_id = s.effect and f.attempt = s.attempt - 1 and f.status = 'waiting' for update);
  end if;
  if p_claim_of is not null then
    select coalesce(array_agg(c.i) filter (where t.stream <> v_streams[c.i]), '{}'), coalesce(array_agg(c.key), '{}') into v_claimed, v_held
      from unnest(p_claim_of, p_claim_keys, p_claim_takes) as c(i, key, takes)
      join hub.claims t on t.key = c.key
      where c.takes;
  end if;
  if p_key_of is not null then
    -- Somebody else gave this person a key meanwhile: what was sealed with ours could never be opened.
    select coalesce(array_agg(k.i), '{}') into v_keyed
      from unnest(p_key_of, p_key_subjects) as k(i, subject) join hub.person_keys p on p.subject = k.subject;
  end if;

  if versions <> p_versions or cardinality(v_known || v_fenced || v_claimed || v_keyed) > 0 then
    select array_agg(verdict), array_agg(first_position) into verdicts, positions
      from (select i, verdict, head + 1 + coalesce(sum(case when verdict = 0 then n else 0 end)
                                                     over (order by i rows between unbounded preceding and 1 preceding), 0) as first_position
              from (select m.i, coalesce(lead(m.before) over (order by m.i), v_new) - m.before as n,
                           case when m.i = any (v_known) then 1
                                when m.i = any (v_fenced) then 2
                                when m.i = any (v_claimed) then 3
                                when m.i = any (v_keyed) or m.expected <> versions[m.i] then 4
                                else 0 end as verdict
                      from unnest(p_versions, p_offsets) with ordinality as m(expected, before, i)) checked
              order by i) placed;
    if cardinality(v_known) > 0 then
      select json_agg(json_build_object('i', b.i, 'w', k.webhook_id, 'same', k.content_hash = b.content_hash, 'p', f.first_position, 'n', f.event_count))
        into v_firsts
        from unnest(p_inbox_of, p_inbox_key_hashes, p_inbox_content_hashes) as b(i, key_hash, content_hash)
        join hub.inbox_keys k on k.key_hash = b.key_hash
        left join hub.inbox f on f.webhook_id = k.webhook_id;
    end if;
    if cardinality(v_claimed) > 0 then
      select json_agg(json_build_object('i', c.i, 'k', c.key, 's', t.stream)) into v_holders
        from unnest(p_claim_of, p_claim_keys, p_claim_takes) as c(i, key, takes)
        join hub.claims t on t.key = c.key
        where c.takes and t.stream <> v_streams[c.i];
    end if;
    details := json_build_object('firsts', v_firsts, 'holders', v_holders);
  end if;

  if v_new > 0 then
    insert into hub.events (position, event_id, stream, version, subject, type, data, meta, recorded_at)
      select coalesce(positions[e.i], head + 1 + p_offsets[e.i]) + e.place - p_offsets[e.i] - 1, e.id, v_streams[e.i],
             versions[e.i] + e.place - p_offsets[e.i], e.subject, e.type, e.data, e.meta, recorded_at
        from unnest(p_event_of, p_event_ids, p_event_subjects, p_event_types, p_event_data, p_event_meta)
               with ordinality as e(i, id, subject, type, data, meta, place)
        where verdicts is null or verdicts[e.i] = 0;
    get diagnostics v_count = row_count;
    if v_count <> v_new then
      update hub.head h set position = head + v_count;
    end if;
    if v_count > 0 then
      v_notified := pg_notify('hub_log', (head + v_count)::text);
    end if;
  end if;
  if p_inbox_of is not null then
    insert into hub.inbox_keys (key_hash, webhook_id, content_hash, seen_at)
      select b.key_hash, b.id, b.content_hash, recorded_at
        from unnest(p_inbox_of, p_inbox_ids, p_inbox_key_hashes, p_inbox_content_hashes) as b(i, id, key_hash, content_hash)
        where b.key_hash is not null and (verdicts is null or verdicts[b.i] = 0);
    insert into hub.inbox (webhook_id, source, route, dedupe_key, verdict, reason, received_at, peer, secret_name, method, path, query,
                           headers, body, sha256, subject, first_position, event_count, repeat_of)
      select b.id, b.source, b.route, b.dedupe_key, b.verdict, b.reason, b.received_at, b.peer, b.secret_name, b.method, b.path, b.query,
             b.headers, b.body, b.sha256, b.subject,
             case when b.event_count > 0 then coalesce(positions[b.i], head + 1 + p_offsets[b.i]) end, b.event_count, b.repeat_of
        from unnest(p_inbox_of, p_inbox_ids, p_inbox_sources, p_inbox_routes, p_inbox_dedupe_keys, p_inbox_verdicts, p_inbox_reasons,
                    p_inbox_received_at, p_inbox_peers, p_inbox_secret_names, p_inbox_methods, p_inbox_paths, p_inbox_queries,
                    p_inbox_headers, p_inbox_bodies, p_inbox_sha256, p_inbox_subjects, p_inbox_event_counts, p_inbox_repeat_of)
               as b(i, id, source, route, dedupe_key, verdict, reason, received_at, peer, secret_name, method, path, query,
                    headers, body, sha256, subject, event_count, repeat_of)
        where verdicts is null or verdicts[b.i] = 0;
  end if;
  if p_key_of is not null then
    insert into hub.person_keys (subject, wrapped, created_at)
      select k.subject, k.wrapped, recorded_at from unnest(p_key_of, p_key_subjects, p_key_wrapped) as k(i, subject, wrapped)
        where verdicts is null or verdicts[k.i] = 0;
  end if;
  if p_claim_of is not null then
    if false = any (p_claim_takes) then
      delete from hub.claims t using unnest(p_claim_of, p_claim_keys, p_claim_takes) as c(i, key, takes)
        where not c.takes and t.key = c.key and t.stream = v_streams[c.i] and (verdicts is null or verdicts[c.i] = 0);
    end if;
    insert into hub.claims (key, stream)
      select c.key, v_streams[c.i] from unnest(p_claim_of, p_claim_keys, p_claim_takes) as c(i, key, takes)
        where c.takes and (verdicts is null or verdicts[c.i] = 0) and c.key <> all (v_held);
  end if;
  if p_settle_of is not null then
    with ended as (
      update hub.outbox f
        set status = s.status, attempt = s.attempt, first_attempt_at = coalesce(f.first_attempt_at, s.first_attempt_at, recorded_at),
            outcome = s.outcome, last_error = s.error, due_at = coalesce(s.due_at, f.due_at),
            settled_at = case when s.status in ('waiting', 'unknown') then null else recorded_at end, history = f.history || s.history || E'\n',
            first_position = case when s.event_count > 0 then coalesce(positions[s.i], head + 1 + p_offsets[s.i]) else f.first_position end,
            event_count = case when s.event_count > 0 then s.event_count else f.event_count end
        from unnest(p_settle_of, p_settle_effects, p_settle_attempts, p_settle_statuses, p_settle_outcomes, p_settle_errors,
                    p_settle_due_at, p_settle_history, p_settle_event_counts, p_settle_first_attempt_at)
               as s(i, effect, attempt, status, outcome, error, due_at, history, event_count, first_attempt_at)
        where f.effect_id = s.effect and f.attempt = s.attempt - 1 and f.status = 'waiting' and (verdicts is null or verdicts[s.i] = 0)
        returning f.effect_id, f.destination, f.due_at, f.status
    )
    insert into hub.effect_queue (effect_id, destination, due_at) select e.effect_id, e.destination, e.due_at from ended e where e.status = 'waiting';
  end if;
end $$;
comment on function hub.append is 'Appends a batch under the head lock: gapless positions in commit order, one verdict per member';

-- After a lost connection: which of these events and deliveries were committed? The lock makes a running batch of that connection decide
-- first, what it was sent and has not begun is refused from now on, and only then, with a snapshot younger than the wait, is it looked up.
create or replace function hub.find_appended(p_connection uuid, p_events uuid[], p_webhooks uuid[])
  returns table (id uuid, "position" bigint, version integer, recorded_at timestamptz) language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock(726551010);
  perform from hub.head h for update;
  insert into hub.revoked_connections (connection) values (p_connection) on conflict (connection) do nothing;
  -- No connection lives on for a day after it was given up.
  delete from hub.revoked_connections r where r.revoked_at < clock_timestamp() - interval '1 day';
  update hub.head set revoked = (select array_agg(r.connection) from hub.revoked_connections r);
  return query
    select e.event_id, e.position, e.version, e.recorded_at from hub.events e where e.event_id = any (p_events)
    union all
    select b.webhook_id, coalesce(b.first_position, 0), 0, b.received_at from hub.inbox b where b.webhook_id = any (p_webhooks);
end $$;
