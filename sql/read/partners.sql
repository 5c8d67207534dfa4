-- name: table
create table {table} (
  partner_id text not null primary key,
  slug text,
  status text not null,
  inn text,
  kpp text,
  ogrn text,
  legal_name text,
  kind text,
  contact_name text,
  phone text,
  email text,
  city text,
  services text[] not null,
  areas text[] not null,
  verification_status text not null,
  verification_reason text,
  verification_checked_at timestamptz,
  consent_personal_data boolean not null,
  consent_marketing boolean not null,
  subscription_id text,
  subscription_status text,
  subscription_plan text,
  subscription_paid_through timestamptz,
  listed boolean not null,
  page_status text not null,
  repeated_applications integer not null,
  registered_at timestamptz not null,
  position bigint not null,
  services_lowered text[] not null generated always as (hub.lowered(services)) stored,
  areas_lowered text[] not null generated always as (hub.lowered(areas)) stored
)

-- name: indexes
create unique index on {table} (slug) where slug is not null;
create index on {table} (inn) where inn is not null;
create index on {table} (phone) where phone is not null;
create index on {table} (email) where email is not null;
create index on {table} (lower(email));
create index on {table} (registered_at, partner_id);
create index on {table} (status, registered_at, partner_id);
create index on {table} (lower(city), registered_at, partner_id);
create index on {table} (subscription_status, registered_at, partner_id);
create index on {table} (lower(city), slug) where listed;
create index on {table} (registered_at, partner_id) where listed;
create index on {table} (city, registered_at);
create index on {table} using gin (services) with (fastupdate = off);
create index on {table} using gin (services_lowered) with (fastupdate = off)

-- name: view
create or replace view read.partners as
select partner_id, case when kind = 'company' or listed then slug end as slug, status, hub.mask_inn(inn) as inn, kpp, case when kind = 'company' then ogrn end as ogrn,
       case when kind = 'company' then legal_name else hub.mask_name(legal_name) end as legal_name, kind,
       hub.mask_name(contact_name) as contact_name, hub.mask_phone(phone) as phone, hub.mask_email(email) as email, city, services, areas,
       verification_status, verification_reason, verification_checked_at, consent_personal_data, consent_marketing,
       subscription_id, subscription_status, subscription_plan, subscription_paid_through, listed,
       case when listed then '/partners/' || slug end as page_url, page_status, registered_at, position,
       services_lowered, areas_lowered
  from {table};
comment on view read.partners is 'Partners: companies and sole traders that registered; names, phones and emails masked';
comment on column read.partners.partner_id is 'Our id of the partner';
comment on column read.partners.slug is 'Name of the partner page in its address; of sole traders only while the page is public, because it says their name';
comment on column read.partners.status is 'awaiting_details, applied, verified, rejected, needs_review, delisted or erased';
comment on column read.partners.inn is 'Taxpayer number; of sole traders masked';
comment on column read.partners.kpp is 'Registration reason code of a company';
comment on column read.partners.ogrn is 'State registration number of a company';
comment on column read.partners.legal_name is 'Name in the registry; of sole traders masked';
comment on column read.partners.kind is 'company or sole_trader';
comment on column read.partners.contact_name is 'Contact person, masked';
comment on column read.partners.phone is 'Contact phone, masked';
comment on column read.partners.email is 'Contact email, masked';
comment on column read.partners.city is 'City as the partner gave it';
comment on column read.partners.services is 'Services offered';
comment on column read.partners.areas is 'Districts served';
comment on column read.partners.verification_status is 'pending, verified, rejected or needs_review';
comment on column read.partners.verification_reason is 'Why it is not verified';
comment on column read.partners.verification_checked_at is 'When the registry was last asked';
comment on column read.partners.consent_personal_data is 'Whether processing of personal data was agreed to';
comment on column read.partners.consent_marketing is 'Whether advertising letters were agreed to';
comment on column read.partners.subscription_id is 'The subscription of the partner';
comment on column read.partners.subscription_status is 'State of the subscription';
comment on column read.partners.subscription_plan is 'Plan of the subscription';
comment on column read.partners.subscription_paid_through is 'End of the paid period';
comment on column read.partners.listed is 'Whether the partner is shown to visitors';
comment on column read.partners.page_url is 'Path of the public page';
comment on column read.partners.page_status is 'none, published or withdrawn';
comment on column read.partners.registered_at is 'When the first form arrived';
comment on column read.partners.position is 'Position of the last event that changed the row';
comment on column read.partners.services_lowered is 'Services offered, in lower case, to be found however they are written';
comment on column read.partners.areas_lowered is 'Districts served, in lower case, to be found however they are written'
