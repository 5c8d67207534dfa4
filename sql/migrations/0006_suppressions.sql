-- Whom no advertising may reach, whatever an application says: keyed digests of addresses and phones, which nobody can read back.
-- They outlive the person's data, because an erased person must not be written to again (38-FZ, article 18).
create table hub.suppressions (
  key     text        not null constraint suppressions_one_row_per_contact primary key,
  reason  text        not null constraint suppressions_reason_is_known check (reason in ('erasure')),
  since   timestamptz not null
);
