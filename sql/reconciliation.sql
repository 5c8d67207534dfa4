-- name: last_planned_day
-- The last day that a comparison with a provider was planned for; null before the first.
select max(payload #>> '{command,data,lastDay}') as day from hub.outbox where subject = $1 and reactor = 'schedule'

-- name: plan_run
-- A comparison is a timer: a command that is put off until the day is over. Whoever plans it, a day has one.
with born as (
  insert into hub.outbox (effect_id, destination, kind, reactor, event_id, event_position, subject, payload, due_at, created_at)
  values ($1::uuid, 'hub', 'hub.command', 'schedule', $1::uuid, 0, $2, $3::text::jsonb, $4::timestamptz, hub.now())
  on conflict (effect_id) do nothing
  returning effect_id, destination, due_at
)
insert into hub.effect_queue (effect_id, destination, due_at) select effect_id, destination, due_at from born
returning effect_id

-- name: paid_between
-- What we say was paid in these days and their list did not name; one more than the limit tells that there are more.
select payment_id, provider_payment_id, subscription_id, partner_id, amount_kopecks
  from {payments}
 where provider = $1 and status in ('succeeded', 'refunded', 'partially_refunded') and paid_at >= $2::timestamptz and paid_at <= $3::timestamptz
   and provider_payment_id is not null

-- name: payments_of_provider
select payment_id, provider_payment_id, subscription_id from {payments} where provider = $1 and provider_payment_id = any ($2::text[])
