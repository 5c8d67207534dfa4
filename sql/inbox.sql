-- name: count_repeats
insert into hub.inbox_repeats as r (webhook_id, count, first_at, last_at)
  select p.w, p.n, p.at, p.at from json_to_recordset($1::text::json) as p(w uuid, n bigint, at timestamptz)
on conflict (webhook_id) do update set count = r.count + excluded.count, last_at = greatest(r.last_at, excluded.last_at)

-- name: find_delivery
select webhook_id, source, route, dedupe_key, verdict, received_at, peer, secret_name, method, path, query, headers, body, subject
  from hub.inbox where webhook_id = $1::uuid

-- name: mark_released
update hub.inbox b
   set verdict = $2, reason = $3,
       first_position = (select min(position) from hub.events e where e.position > $4 and e.meta -> 'cause' ->> 'id' = b.webhook_id::text),
       event_count = (select count(*) from hub.events e where e.position > $4 and e.meta -> 'cause' ->> 'id' = b.webhook_id::text)
 where b.webhook_id = $1::uuid

-- name: expire_bodies
-- Raw bytes are personal data and live for a while only; the row and its hashes stay.
update hub.inbox set body = null, headers = '{}', query = ''
 where webhook_id in (select webhook_id from hub.inbox where body is not null and received_at < hub.now() - make_interval(days => $1::int)
                       and received_at > hub.now() - make_interval(days => $3::int)
                       and verdict <> 'quarantined' order by received_at limit $2)
returning webhook_id

-- name: expire_keys
delete from hub.inbox_keys where key_hash in (select key_hash from hub.inbox_keys where seen_at < hub.now() - make_interval(days => $1::int) limit $2)
