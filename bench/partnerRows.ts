import type { Sql } from '../src/db/connect.ts'

/** The live table of partners in a new database. */
export const partnersTable = 'hub_read.partners_1'

/**
 * Fills the read model of partners with rows of invented companies, so that lists have something to choose from: 300 cities and 60
 * services of which some are common and most are rare, a minute between two registrations, nine of ten verified. The same number
 * makes the same rows.
 */
export const fillPartners = async (sql: Sql, count: number): Promise<void> => {
  await sql.unsafe(`truncate ${partnersTable}`)
  // `h` is a number from 0 to 999 that looks random and is the same in every run; squares make few cities common.
  await sql.unsafe(
    `insert into ${partnersTable} (partner_id, slug, status, inn, kpp, ogrn, legal_name, kind, contact_name, phone, email, city, services,
       areas, verification_status, verification_reason, verification_checked_at, consent_personal_data, consent_marketing, subscription_id,
       subscription_status, subscription_plan, subscription_paid_through, listed, page_status, repeated_applications, registered_at, position)
     select 'par_' || md5(n::text), 'primer-' || n, status, lpad(n::text, 10, '7'), '770001001', lpad(n::text, 13, '1'), 'ООО «Пример ' || n || '»',
            'company', 'Иванова Мария', '+79' || lpad(n::text, 9, '0'), 'partner' || n || '@example.ru', 'Город ' || h * h / 3334,
            array['Услуга ' || (h * 7 % 1000) * (h * 7 % 1000) / 16667, 'Консультация'], array['Центр'],
            case when status in ('verified', 'rejected', 'needs_review') then status else 'pending' end, null, at, true, h % 2 = 0,
            'sub_' || md5(n::text), case when status <> 'verified' then null when h % 50 = 1 then 'past_due' when h % 3 = 0 then 'cancelled' else 'active' end,
            'PARTNER-1M', at + interval '31 days', status = 'verified' and h % 3 > 0,
            case when status = 'verified' and h % 3 > 0 then 'published' else 'none' end, 0, at, n
       from (select n, h, timestamptz '2020-01-01T00:00:00Z' + n * interval '1 minute' as at,
                    case when h % 100 = 13 then 'needs_review' when h % 50 = 7 then 'awaiting_details' when h % 33 = 5 then 'applied'
                         when h % 25 = 4 then 'rejected' else 'verified' end as status
               from (select n, ('x' || substr(md5('h' || n), 1, 7))::bit(28)::int % 1000 as h from generate_series(1, $1::int) n) x) y`,
    [count],
  )
  await sql.unsafe(`vacuum analyze ${partnersTable}`)
}
