-- name: table
create table {table} (
  dialog_id text not null primary key,
  channel text,
  external_id text not null,
  name text,
  phone text,
  status text not null,
  lead_id text,
  opened_at timestamptz not null,
  last_message_at timestamptz,
  position bigint not null
)

-- name: indexes
create index on {table} (opened_at, dialog_id);
create index on {table} (status, opened_at, dialog_id);
create index on {table} (last_message_at, dialog_id);
create index on {table} (external_id);
create index on {table} (phone) where phone is not null

-- name: view
create or replace view read.dialogs as
select dialog_id, channel, external_id, hub.mask_name(name) as name, hub.mask_phone(phone) as phone, status, lead_id, opened_at, last_message_at, position
  from {table};
comment on view read.dialogs is 'Dialogs with visitors; names and phones masked';
comment on column read.dialogs.dialog_id is 'Our id of the dialog';
comment on column read.dialogs.channel is 'Where it is held, such as onlinechat or whatsapp2';
comment on column read.dialogs.external_id is 'The number of the dialog at the chat provider';
comment on column read.dialogs.name is 'Name of the visitor, masked';
comment on column read.dialogs.phone is 'Phone of the visitor, masked';
comment on column read.dialogs.status is 'open, handed_over or closed';
comment on column read.dialogs.lead_id is 'The lead that came out of it';
comment on column read.dialogs.opened_at is 'When it began';
comment on column read.dialogs.last_message_at is 'When the last message was said';
comment on column read.dialogs.position is 'Position of the last event that changed the row'
