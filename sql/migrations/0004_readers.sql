-- Tables of the read models live here, one per version; views in schema "read" point at the live ones.
create schema hub_read;

create function hub.mask_phone(phone text) returns text language sql immutable parallel safe
  as $$ select case when phone is null then null when length(phone) < 7 then '***' else left(phone, 2) || '***' || right(phone, 2) end $$;
create function hub.mask_email(email text) returns text language sql immutable parallel safe
  as $$ select case when email is null then null else left(email, 1) || '***@' || split_part(email, '@', 2) end $$;
create function hub.mask_name(name text) returns text language sql immutable parallel safe
  as $$ select case when name is null then null else left(name, 1) || '***' end $$;
-- A company's INN has 10 digits and is public; one of 12 digits names a person.
create function hub.mask_inn(inn text) returns text language sql immutable parallel safe
  as $$ select case when length(inn) = 10 then inn when inn is null then null else left(inn, 4) || '******' || right(inn, 2) end $$;

do $$
begin
  if not exists (select from pg_roles where rolname = 'hub_analyst') then
    create role hub_analyst login;
  end if;
exception
  when duplicate_object or unique_violation then null;
  when insufficient_privilege then
    raise warning 'The role hub_analyst cannot be created by this user; "hub doctor" prints what an administrator should run';
end $$;
do $$
begin
  alter role hub_analyst set default_transaction_read_only = on;
  alter role hub_analyst set statement_timeout = '60s';
exception when insufficient_privilege or undefined_object then null;
end $$;
do $$
begin
  grant usage on schema read to hub_analyst;
  alter default privileges in schema read grant select on tables to hub_analyst;
exception when undefined_object then null;
end $$;

create view read.webhooks as
  select b.webhook_id, b.source, b.route, b.dedupe_key, b.verdict, b.reason, b.received_at, encode(b.sha256, 'hex') as sha256,
         coalesce(r.count, 0) as repeats, b.repeat_of,
         case when b.event_count > 0 then (select array_agg(p) from generate_series(b.first_position, b.first_position + b.event_count - 1) p)
              else '{}'::bigint[] end as event_positions
    from hub.inbox b left join hub.inbox_repeats r using (webhook_id);
comment on view read.webhooks is 'Every delivery that was kept, with its verdict and what it became';
comment on column read.webhooks.webhook_id is 'Our id of the delivery';
comment on column read.webhooks.source is 'Sender: tilda, umnico, protalk, flexbe, yookassa or cloudpayments';
comment on column read.webhooks.route is 'Which hook of the sender';
comment on column read.webhooks.dedupe_key is 'Deliveries with one key are one delivery';
comment on column read.webhooks.verdict is 'accepted, duplicate, ignored, quarantined or conflict';
comment on column read.webhooks.reason is 'Why it was not simply accepted';
comment on column read.webhooks.received_at is 'When it arrived';
comment on column read.webhooks.sha256 is 'SHA-256 of the bytes, in hex';
comment on column read.webhooks.repeats is 'How many equal repeats came after it';
comment on column read.webhooks.repeat_of is 'The first delivery under the same key, when the content differed';
comment on column read.webhooks.event_positions is 'Positions of the events that it became';

create view read.effects as
  select e.effect_id, e.destination, e.kind, e.status, e.attempt as attempts,
         case when e.status = 'waiting' then e.due_at end as next_attempt_at, e.effect_id::text as provider_key, e.last_error,
         e.event_id as caused_by, e.created_at, e.settled_at
    from hub.effects e where e.destination <> 'hub';
comment on view read.effects is 'Every outgoing operation, with what became of it';
comment on column read.effects.effect_id is 'Our id of the operation';
comment on column read.effects.destination is 'Who is called';
comment on column read.effects.kind is 'What is asked of it';
comment on column read.effects.status is 'waiting, running, done, refused, unknown, dead or cancelled';
comment on column read.effects.attempts is 'How many attempts were started';
comment on column read.effects.next_attempt_at is 'When a waiting operation is due';
comment on column read.effects.provider_key is 'The idempotency key at the provider';
comment on column read.effects.last_error is 'What the last attempt that failed said';
comment on column read.effects.caused_by is 'The event that asked for it';
comment on column read.effects.created_at is 'When it was asked for';
comment on column read.effects.settled_at is 'When it came to an end';
