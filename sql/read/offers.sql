-- name: table
create table {table} (
  offer_id text not null primary key,
  lead_id text not null,
  partner_id text not null,
  status text not null,
  offered_at timestamptz not null,
  expires_at timestamptz not null,
  answered_at timestamptz,
  position bigint not null
)

-- name: indexes
create index on {table} (offered_at, offer_id);
create index on {table} (partner_id, offered_at);
create index on {table} (lead_id)

-- name: view
create or replace view read.offers as
select offer_id, lead_id, partner_id, status, offered_at, expires_at, answered_at, position from {table};
comment on view read.offers is 'Offers of leads to partners';
comment on column read.offers.offer_id is 'Our id of the offer';
comment on column read.offers.lead_id is 'The lead that was offered';
comment on column read.offers.partner_id is 'The partner whom it was offered to';
comment on column read.offers.status is 'offered, accepted, declined or expired';
comment on column read.offers.offered_at is 'When it was offered';
comment on column read.offers.expires_at is 'Until when it can be answered';
comment on column read.offers.answered_at is 'When it was answered, or when it ran out';
comment on column read.offers.position is 'Position of the last event that changed the row'
