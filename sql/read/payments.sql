-- name: table
create table {table} (
  payment_id text not null primary key,
  provider text not null,
  provider_payment_id text,
  subscription_id text not null,
  partner_id text not null,
  amount_kopecks bigint not null,
  refunded_kopecks bigint not null,
  currency text not null,
  status text not null,
  decline_reason text,
  created_at timestamptz not null,
  paid_at timestamptz,
  position bigint not null
)

-- name: indexes
create index on {table} (subscription_id);
create index on {table} (partner_id);
create index on {table} (provider_payment_id);
create index on {table} (created_at, payment_id);
create index on {table} (status, created_at, payment_id)

-- name: view
create or replace view read.payments as
select payment_id, provider, provider_payment_id, subscription_id, partner_id, amount_kopecks, refunded_kopecks, status, decline_reason,
       created_at, paid_at, position
  from {table};
comment on view read.payments is 'Payments and what became of them';
comment on column read.payments.payment_id is 'Our id of the payment';
comment on column read.payments.provider is 'yookassa or cloudpayments';
comment on column read.payments.provider_payment_id is 'The id at the provider';
comment on column read.payments.subscription_id is 'What is paid for';
comment on column read.payments.partner_id is 'Who pays';
comment on column read.payments.amount_kopecks is 'Amount, whole kopecks';
comment on column read.payments.refunded_kopecks is 'Refunded so far, whole kopecks';
comment on column read.payments.status is 'pending, succeeded, declined, canceled, refunded, partially_refunded or unknown';
comment on column read.payments.decline_reason is 'Why it was declined, in the code of the provider';
comment on column read.payments.created_at is 'When the payer asked to pay';
comment on column read.payments.paid_at is 'When the provider took the money';
comment on column read.payments.position is 'Position of the last event that changed the row'
