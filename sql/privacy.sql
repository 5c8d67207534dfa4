-- name: person_keys
select subject, wrapped from hub.person_keys where subject = any ($1::text[])

-- name: destroy_person_key
update hub.person_keys set wrapped = null, destroyed_at = hub.now() where subject = $1 and wrapped is not null

-- name: suppress
insert into hub.suppressions (key, reason, since) select k, 'erasure', hub.now() from unnest($1::text[]) k on conflict (key) do nothing

-- name: forget_deliveries
-- The bytes of a person's own deliveries, and of notices about their payments, which name the payer too.
update hub.inbox b set body = null, headers = '{}', query = ''
 where b.body is not null
   and (b.subject = $1
        or b.subject in (select distinct n.subject from hub.events s
                           join hub.events n on n.subject = (s.data ->> 'provider') || ':' || (s.data ->> 'providerPaymentId')
                          where s.subject = $1 and s.data ->> 'providerPaymentId' is not null))

-- name: forget_effects
-- What is still to be done about a forgotten person is not done; what was done keeps its outcome and loses its contents.
-- Whoever deletes its row of the queue has the effect, so one that a worker claims at the same moment is left to settle.
with cancelled as (
  delete from hub.effect_queue q using hub.outbox o
   where o.effect_id = q.effect_id and o.subject = $1 and o.kind <> 'hub.forget'
  returning q.effect_id
)
update hub.outbox
   set payload = '{}', status = case when effect_id in (select effect_id from cancelled) then 'cancelled' else status end,
       settled_at = case when effect_id in (select effect_id from cancelled) then hub.now() else settled_at end
 where subject = $1 and kind <> 'hub.forget'
