-- Reads of the operators' pages. {partners} and its like are the live tables of the read models.

-- name: verdicts_of_a_day
select verdict, count(*)::int as count from hub.inbox where received_at > hub.now() - interval '24 hours' group by verdict order by verdict

-- name: held
-- A delivery in quarantine waits for an operator; one with other content was only worth a look when it came.
select verdict, count(*)::int as count from hub.inbox
 where verdict = 'quarantined' or (verdict = 'conflict' and received_at > hub.now() - interval '7 days') group by verdict

-- name: partner_statuses
select status, count(*)::int as count from {partners} group by status order by status

-- name: subscription_statuses
select status, count(*)::int as count from {subscriptions} group by status order by status

-- name: oldest_waiting
select effect_id, destination, kind, created_at, extract(epoch from hub.now() - created_at)::float8 as seconds
  from hub.effect_queue join hub.outbox using (effect_id, destination) where destination <> 'hub' order by created_at limit 1

-- name: sources
-- The few sources by a loose index scan would need an index of their own; the newest deliveries tell them as well.
select distinct source from (select source from hub.inbox order by received_at desc limit 5000) recent order by source

-- name: subjects_found
-- The persons whose number, INN, email or phone this is; each arm has an index of its own.
select partner_id from {partners} where partner_id = $1
union select partner_id from {partners} where inn = $1
union select partner_id from {partners} where email = lower($1)
union select partner_id from {partners} where phone = $2
union select partner_id from {subscriptions} where subscription_id = $1
union select partner_id from {payments} where payment_id = $1
union select partner_id from {payments} where provider_payment_id = $1
limit 200

-- name: webhooks
select b.webhook_id, b.source, b.route, b.dedupe_key, b.verdict, b.reason, b.received_at, b.event_count, coalesce(r.count, 0) as repeats
  from hub.inbox b left join hub.inbox_repeats r using (webhook_id)
 where ($1::text is null or b.source = $1) and ($2::text is null or b.verdict = $2)
   and ($3::timestamptz is null or (b.received_at, b.webhook_id) < ($3::timestamptz, $4::uuid))
 order by b.received_at desc, b.webhook_id desc limit 51

-- name: find_webhooks
-- Ids, whole keys and persons are found everywhere by index; parts of keys and the bytes only among the newest and the held deliveries.
with near as materialized (
  (select webhook_id, dedupe_key, body from hub.inbox order by received_at desc limit 2000)
  union all
  (select webhook_id, dedupe_key, body from hub.inbox where verdict in ('quarantined', 'conflict') order by received_at desc limit 2000)
), found as (
  select webhook_id from hub.inbox where webhook_id = any ($9::uuid[])
  union select webhook_id from hub.inbox where dedupe_key = any ($8::text[])
  union select webhook_id from hub.inbox where subject = any ($7::text[])
  union select webhook_id from near where position($5::text in dedupe_key) > 0 or position(convert_to($5::text, 'UTF8') in body) > 0
                                       or position(convert_to($6::text, 'UTF8') in body) > 0
)
select b.webhook_id, b.source, b.route, b.dedupe_key, b.verdict, b.reason, b.received_at, b.event_count, coalesce(r.count, 0) as repeats
  from found join hub.inbox b using (webhook_id) left join hub.inbox_repeats r using (webhook_id)
 where ($1::text is null or b.source = $1) and ($2::text is null or b.verdict = $2)
   and ($3::timestamptz is null or (b.received_at, b.webhook_id) < ($3::timestamptz, $4::uuid))
 order by b.received_at desc, b.webhook_id desc limit 51

-- name: webhook
select b.webhook_id, b.source, b.route, b.dedupe_key, b.verdict, b.reason, b.received_at, b.peer, b.secret_name, b.method, b.path, b.query,
       b.headers, b.body, encode(b.sha256, 'hex') as sha256, b.subject, b.first_position, b.event_count, b.repeat_of,
       coalesce(r.count, 0) as repeats, r.first_at, r.last_at
  from hub.inbox b left join hub.inbox_repeats r using (webhook_id) where b.webhook_id = $1::uuid

-- name: same_key
select webhook_id, verdict, reason, received_at from hub.inbox where dedupe_key = $1 and webhook_id <> $2::uuid order by received_at desc limit 50

-- name: events_between
select position, event_id, stream, version, subject, type, data, meta, recorded_at from hub.events where position >= $1 and position < $2 order by position

-- name: effect
select effect_id, destination, kind, reactor, event_id, event_position, subject, payload, status, due_at, attempt, last_error, history, created_at, settled_at
  from hub.effects where effect_id = $1::uuid

-- name: subscription_of
select * from {subscriptions} where partner_id = $1 order by opened_at

-- name: payments_of
select * from {payments} where partner_id = $1 order by created_at desc limit 200

-- name: effects_of
select effect_id, destination, kind, status, attempt, last_error, created_at from hub.effects where subject = $1 and destination <> 'hub' order by created_at desc limit 100

-- name: differences
-- What is still to be decided comes first.
select difference_id, provider, kind, status, external_id, partner_id, field, expected, actual, amount_kopecks, remedy, refusal_code, found_at
  from {differences} order by (status = 'open') desc, found_at desc, difference_id limit 100

-- name: open_differences
select count(*)::int as count from {differences} where status = 'open'

-- name: reconciliations
select run_id, provider, first_day, day, trigger, dry_run, status, code, theirs, behind, different, started_at
  from {reconciliation} order by started_at desc, run_id limit 50
