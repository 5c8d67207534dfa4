-- name: table
create table {table} (
  difference_id text not null primary key,
  provider text not null,
  kind text not null,
  status text not null,
  external_id text not null,
  payment_id text,
  subscription_id text,
  partner_id text,
  field text,
  expected text,
  actual text,
  amount_kopecks bigint,
  remedy text,
  refusal_code text,
  run_id text not null,
  day text not null,
  found_at timestamptz not null,
  settled_at timestamptz,
  position bigint not null
)

-- name: indexes
create index on {table} (found_at, difference_id);
create index on {table} (status, found_at, difference_id);
create index on {table} (partner_id)

-- name: view
create or replace view read.differences as
select difference_id, provider, kind, status, external_id, payment_id, subscription_id, partner_id, field, expected, actual,
       amount_kopecks, remedy, refusal_code, run_id, day, found_at, settled_at, position
  from {table};
comment on view read.differences is 'What a comparison with a provider''s books found, and what became of it';
comment on column read.differences.difference_id is 'Provider, its id and the kind: the same difference has the same id in every comparison';
comment on column read.differences.provider is 'yookassa, cloudpayments or flexbe';
comment on column read.differences.kind is 'behind, lead-missing, fact-differs, payment-twice, order-unknown, status-differs, refunds-differ, refund-twice or absent-there';
comment on column read.differences.status is 'open, correcting, corrected or settled';
comment on column read.differences.external_id is 'The provider''s id of the payment, refund or lead';
comment on column read.differences.payment_id is 'Our payment';
comment on column read.differences.subscription_id is 'What was paid for';
comment on column read.differences.partner_id is 'Whose payment it is';
comment on column read.differences.field is 'Which fact differs';
comment on column read.differences.expected is 'The fact in our books';
comment on column read.differences.actual is 'The fact in theirs';
comment on column read.differences.amount_kopecks is 'The sum that it is about, whole kopecks';
comment on column read.differences.remedy is 'reread and taken happen by themselves, refund by one command; null: a person looks into the cabinet';
comment on column read.differences.refusal_code is 'Why the provider refused the last correction';
comment on column read.differences.run_id is 'The comparison that found it';
comment on column read.differences.day is 'The last day of Moscow of that comparison';
comment on column read.differences.found_at is 'When it was found';
comment on column read.differences.settled_at is 'When it was corrected, or was no longer there';
comment on column read.differences.position is 'Position of the last event that changed the row'
