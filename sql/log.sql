-- name: append_one
-- One event alone, the commonest lone append: hub.append without its checks, because a statement costs less than a function. Its snapshot is
-- older than its wait for the lock, so the head row, which is read again after the wait, gives the position and tells whether the connection
-- was revoked, and the constraint of versions has the last word. No row, or a broken constraint: hub.append says what is the matter.
with moved as (
  update hub.head h set position = h.position + 1 from hub.clock c
   where pg_advisory_xact_lock(726551010) is not null and $1::uuid <> all (h.revoked)
     and $3::int = coalesce((select e.version from hub.events e where e.stream = $2::text order by e.version desc limit 1), 0)
  returning h.position, clock_timestamp() + c.offset_by as recorded_at
), appended as (
  insert into hub.events (position, event_id, stream, version, subject, type, data, meta, recorded_at)
  select m.position, $4::uuid, $2::text, $3::int + 1, $5::text, $6::text, $7::text::jsonb, $8::text::jsonb, m.recorded_at from moved m
), told as (
  select pg_notify('hub_log', m.position::text) from moved m
)
select m.position - 1 as head, m.recorded_at from moved m cross join told

-- name: append_events
-- A list travels as an array literal; JSON and bytes are split at a character that they never hold, which is cheaper to take apart.
-- Answers are JSON: the driver reads arrays only when it has learned their types, and on Deno the first statement may be faster than that.
select head, recorded_at, to_json(verdicts) as verdicts, to_json(versions) as versions, to_json(positions) as positions, details from hub.append($1::uuid,
  $2::text::text[], $3::text::int[], $4::text::int[], $5::text::int[], $6::text::uuid[], $7::text::text[], $8::text::text[],
  string_to_array($9, e'\x1f', '')::jsonb[], string_to_array($10, e'\x1f', '')::jsonb[])

-- name: append
-- The same with deliveries, claims, keys of persons and settlements.
select head, recorded_at, to_json(verdicts) as verdicts, to_json(versions) as versions, to_json(positions) as positions, details from hub.append($1::uuid,
  $2::text::text[], $3::text::int[], $4::text::int[], $5::text::int[], $6::text::uuid[], $7::text::text[], $8::text::text[],
  string_to_array($9, e'\x1f', '')::jsonb[], string_to_array($10, e'\x1f', '')::jsonb[],
  $11::text::int[], $12::text::uuid[], string_to_array($13, e'\x1f', '')::bytea[], string_to_array($14, e'\x1f', '')::bytea[],
  $15::text::text[], $16::text::text[], $17::text::text[], $18::text::text[], $19::text::text[], $20::text::timestamptz[],
  $21::text::text[], $22::text::text[], $23::text::text[], $24::text::text[], $25::text::text[],
  string_to_array($26, e'\x1f', '')::jsonb[], string_to_array($27, e'\x1f', '')::bytea[], string_to_array($28, e'\x1f', '')::bytea[],
  $29::text::text[], $30::text::int[], $31::text::uuid[],
  $32::text::int[], $33::text::text[], $34::text::boolean[],
  $35::text::int[], $36::text::text[], string_to_array($37, e'\x1f', '')::bytea[],
  $38::text::int[], $39::text::uuid[], $40::text::int[], $41::text::text[], string_to_array($42, e'\x1f', '')::jsonb[],
  $43::text::text[], $44::text::timestamptz[], string_to_array($45, e'\x1f'), $46::text::int[],
  $47::text::timestamptz[])

-- name: find_appended
select id::text as id, position, version, recorded_at from hub.find_appended($1::uuid, $2::text::uuid[], $3::text::uuid[])

-- name: read_streams
-- "offset 0" keeps the inner query as it is: each stream is looked up, whatever the planner thinks of the size of the log.
select e.position, e.event_id, e.stream, e.version, e.subject, e.type, e.data, e.meta, e.recorded_at
  from unnest($1::text[], $2::int[]) as wanted(stream, version)
 cross join lateral (
   select * from hub.events e where e.stream = wanted.stream and e.version > wanted.version order by e.version offset 0
 ) e

-- name: read_after
-- Every position is returned; events of other types come without their data, so that the reader can prove that no position is missing.
select position, event_id, stream, version, subject, type, case when type = any ($3::text[]) then data end as data,
       case when type = any ($3::text[]) then meta end as meta, recorded_at
  from hub.events where position > $1 order by position limit $2

-- name: read_subject
select position, event_id, stream, version, subject, type, data, meta, recorded_at
  from hub.events where subject = $1 and position <= $2 order by position

-- name: read_event
select position, event_id, stream, version, subject, type, data, meta, recorded_at from hub.events where event_id = $1::uuid

-- name: head_position
select position from hub.head

-- name: position_at
select coalesce(max(position), 0) as position from hub.events where recorded_at <= $1::timestamptz

-- name: claim_holders
-- A contact that must not be reached holds its digest as a claim does, and is nobody's.
select key, stream from hub.claims where key = any ($1::text[])
union all select key, 'suppressed' from hub.suppressions where key = any ($1::text[])

-- name: now
select hub.now() as now, (select extract(epoch from offset_by) * 1000 from hub.clock)::bigint as offset_ms
