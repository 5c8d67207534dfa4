-- name: table
create table {table} (
  message_id text not null primary key,
  dialog_id text not null,
  direction text not null,
  author text not null,
  text text,
  attachments integer not null,
  at timestamptz not null,
  position bigint not null
)

-- name: indexes
create index on {table} (at, message_id);
create index on {table} (dialog_id, at, message_id)

-- name: view
create or replace view read.messages as
select message_id, dialog_id, direction, author, case when text is null then null else length(text) || ' signs' end as text, attachments, at, position
  from {table};
comment on view read.messages is 'Messages of dialogs; of their text only the length';
comment on column read.messages.message_id is 'Id of the message';
comment on column read.messages.dialog_id is 'The dialog in which it was said';
comment on column read.messages.direction is 'incoming from the visitor, outgoing to the visitor';
comment on column read.messages.author is 'visitor, bot, operator or other';
comment on column read.messages.text is 'How long the text is';
comment on column read.messages.attachments is 'How many files came with it';
comment on column read.messages.at is 'When it was said';
comment on column read.messages.position is 'Position of the last event that changed the row'
