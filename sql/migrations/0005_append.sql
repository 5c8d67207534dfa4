-- hub.append, second version. Rows come as jsonb, which is parsed once instead of once a statement; and a connection that was given up
-- can no longer append: what it was sent, but had not begun when its client looked up what was committed, is refused.
create table hub.revoked_connections (
  connection  uuid        not null primary key,
  revoked_at  timestamptz not null default clock_timestamp()
);
comment on table hub.revoked_connections is 'Connections of append lanes that were given up with batches in doubt; their later batches are refused';

drop function hub.append(text, text, text, text, text, text);

-- Appends a batch. The head row is locked first; everything is checked in later statements, whose snapshots are younger than the
-- wait; then rows go in, the head moves, and one notification is sent. No member fails its neighbours. Members never touch the
-- same stream, dedupe key, claim or effect as another member of their batch: the caller keeps such members apart.
--   p_appends  [{i, s: stream, v: expected version or null, n: count of events, k: key hash, c: content hash}]
--   p_events   [{i, n, id, s, b: subject, t: type, d: data, m: meta}]     i: index of the append, from 1; n: from 1 within it
--   p_inbox    [{i, ...}]   p_claims [{i, k: key, take}]   p_keys [{i, b: subject, w: wrapped key}]
--   p_settle   [{i, e: effect, a: attempt, st: status, o: outcome, er: error, du: due, h: history entry, n: count of events}]
--   p_connection  the caller's name of its connection; an error 57P05 when it was revoked
-- verdicts: 0 appended, 1 duplicate, 2 fenced, 3 claimed, 4 conflict.
create function hub.append(
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
      where not exists (select from hub.effects f where f.effect_id = s.e and f.attempt = s.a and f.status = 'running');
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
    update hub.effects f
      set status = s.st, leased_until = null, worker = null, outcome = s.o, last_error = s.er, due_at = coalesce(s.du, f.due_at),
          settled_at = case when s.st in ('waiting', 'unknown') then null else recorded_at end, history = f.history || s.h,
          first_position = case when s.n > 0 then positions[s.i] else f.first_position end,
          event_count = case when s.n > 0 then s.n else f.event_count end
      from jsonb_to_recordset(v_settle) as s(i int, e uuid, a int, st text, o jsonb, er text, du timestamptz, h jsonb, n int)
      where f.effect_id = s.e and f.attempt = s.a and verdicts[s.i] = 0;
  end if;
  details := json_build_object('firsts', v_firsts, 'holders', v_holders);
end $$;
comment on function hub.append is 'Appends a batch under the head lock: gapless positions in commit order, one verdict per member';

-- After a lost connection: which of these events and deliveries were committed? The lock makes a running batch of that connection decide
-- first, what it was sent and has not begun is refused from now on, and only then, with a snapshot younger than the wait, is it looked up.
create function hub.find_appended(p_connection uuid, p_events uuid[], p_webhooks uuid[])
  returns table (id uuid, "position" bigint, version integer, recorded_at timestamptz) language plpgsql volatile as $$
begin
  perform pg_advisory_xact_lock(726551010);
  perform from hub.head h for update;
  insert into hub.revoked_connections (connection) values (p_connection) on conflict (connection) do nothing;
  -- No connection lives on for a day after it was given up.
  delete from hub.revoked_connections r where r.revoked_at < clock_timestamp() - interval '1 day';
  return query
    select e.event_id, e.position, e.version, e.recorded_at from hub.events e where e.event_id = any (p_events)
    union all
    select b.webhook_id, coalesce(b.first_position, 0), 0, b.received_at from hub.inbox b where b.webhook_id = any (p_webhooks);
end $$;
comment on function hub.find_appended is 'What of a batch in doubt was committed; revokes the connection that it was sent over';
