-- name: table
create table {table} (
  lead_id text not null primary key,
  source text not null,
  external_id text,
  dialog_id text,
  name text,
  phone text,
  email text,
  city text,
  service text,
  wish text,
  page_url text,
  utm jsonb not null,
  status text not null,
  offers jsonb not null,
  created_at timestamptz not null,
  position bigint not null
)

-- name: indexes
create index on {table} (created_at, lead_id);
create index on {table} (status, created_at, lead_id);
create index on {table} (lower(city), created_at, lead_id);
create index on {table} (phone) where phone is not null;
create index on {table} (dialog_id) where dialog_id is not null

-- name: view
create or replace view read.leads as
select lead_id, source, external_id, dialog_id, hub.mask_name(name) as name, hub.mask_phone(phone) as phone, hub.mask_email(email) as email, city, service,
       case when wish is null then null else length(wish) || ' signs' end as wish, page_url, utm, status, offers, created_at, position
  from {table};
comment on view read.leads is 'Leads: people who look for a partner; names, phones, emails and wishes masked';
comment on column read.leads.lead_id is 'Our id of the lead';
comment on column read.leads.source is 'Where it was left: flexbe, tilda, umnico or protalk';
comment on column read.leads.external_id is 'The number of the lead at its source';
comment on column read.leads.dialog_id is 'The dialog that it came out of';
comment on column read.leads.name is 'Name, masked';
comment on column read.leads.phone is 'Phone, masked';
comment on column read.leads.email is 'Email, masked';
comment on column read.leads.city is 'City as it was given';
comment on column read.leads.service is 'Service asked for';
comment on column read.leads.wish is 'How long the words of the wish are';
comment on column read.leads.page_url is 'Page on which it was left';
comment on column read.leads.utm is 'Marks of the advertisement, without utm_';
comment on column read.leads.status is 'new, offered, accepted, declined or expired';
comment on column read.leads.offers is 'Partners whom it was offered to, and their answers';
comment on column read.leads.created_at is 'When it was left';
comment on column read.leads.position is 'Position of the last event that changed the row'
