-- name: table
create table {table} (
  subscription_id text not null primary key,
  partner_id text not null,
  plan text not null,
  status text not null,
  price_kopecks bigint not null,
  period_start timestamptz,
  paid_through timestamptz,
  next_charge_at timestamptz,
  provider text,
  saved_method boolean not null,
  failed_attempts integer not null,
  cancel_at_period_end boolean not null,
  opened_at timestamptz not null,
  position bigint not null
)

-- name: indexes
create index on {table} (partner_id);
create index on {table} (opened_at, subscription_id);
create index on {table} (status, opened_at, subscription_id);
create index on {table} (paid_through)

-- name: view
create or replace view read.subscriptions as
select subscription_id, partner_id, plan, status, price_kopecks, period_start, paid_through, next_charge_at, provider, saved_method,
       failed_attempts, cancel_at_period_end, opened_at, position
  from {table};
comment on view read.subscriptions is 'Subscriptions of partners';
comment on column read.subscriptions.subscription_id is 'Our id of the subscription';
comment on column read.subscriptions.partner_id is 'Whose it is';
comment on column read.subscriptions.plan is 'Plan by its code';
comment on column read.subscriptions.status is 'pending_payment, trialing, active, past_due, suspended, cancelled or expired';
comment on column read.subscriptions.price_kopecks is 'Price of a period, whole kopecks';
comment on column read.subscriptions.period_start is 'Start of the paid period';
comment on column read.subscriptions.paid_through is 'End of the paid period';
comment on column read.subscriptions.next_charge_at is 'When the saved method is charged next';
comment on column read.subscriptions.provider is 'yookassa or cloudpayments';
comment on column read.subscriptions.saved_method is 'Whether a method is saved for automatic renewal';
comment on column read.subscriptions.failed_attempts is 'Declined attempts since the last success';
comment on column read.subscriptions.cancel_at_period_end is 'Whether it ends with the paid period';
comment on column read.subscriptions.opened_at is 'When it was opened';
comment on column read.subscriptions.position is 'Position of the last event that changed the row'
