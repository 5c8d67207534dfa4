/** A page that is read: of the API by its query, or of the schema for analysts by SQL. `n` is the number of one partner that there is. */
export type PageRead = {
  readonly name: string
  readonly title: string
  readonly of: (n: number) => string
}

/** Pages of `GET /api/v1/partners` as operators and the console ask for them. */
export const apiPages: readonly PageRead[] = [
  { name: 'newest', title: 'the newest', of: () => '' },
  { name: 'oldest', title: 'the oldest', of: () => 'sort=registeredAt' },
  { name: 'city', title: 'a common city', of: () => 'city=город 0' },
  { name: 'rareCity', title: 'a rare city', of: () => 'city=город 250' },
  { name: 'status', title: 'status needs_review', of: () => 'status=needs_review' },
  { name: 'statuses', title: 'status rejected or applied', of: () => 'status=rejected&status=applied' },
  { name: 'listed', title: 'listed', of: () => 'listed=true' },
  { name: 'cityListed', title: 'listed in a city', of: () => 'city=город 100&listed=true' },
  { name: 'service', title: 'a common service', of: () => 'services=услуга 0' },
  { name: 'rareService', title: 'a rare service', of: () => 'services=услуга 59' },
  { name: 'absentService', title: 'a service nobody offers', of: () => 'services=услуга 999' },
  { name: 'subscription', title: 'subscription past_due', of: () => 'subscription.status=past_due' },
  { name: 'phone', title: 'a phone', of: (n) => `phone=+79${String(n).padStart(9, '0')}` },
  { name: 'email', title: 'an email', of: (n) => `email=Partner${n}@example.ru` },
  { name: 'inn', title: 'an INN', of: (n) => `inn=${String(n).padStart(10, '7')}` },
]

/** Pages of `read.partners` as analysts write them. */
export const sqlPages: readonly PageRead[] = [
  { name: 'sqlNewest', title: 'order by registered_at desc', of: () => 'order by registered_at desc limit 50' },
  {
    name: 'sqlCity',
    title: 'city, newest first',
    of: () => "where city = 'Город 250' order by registered_at desc limit 50",
  },
  {
    name: 'sqlStatus',
    title: 'status',
    of: () => "where status = 'needs_review' order by registered_at desc limit 50",
  },
  {
    name: 'sqlListed',
    title: 'listed in a city',
    of: () => "where listed and city = 'Город 100' order by registered_at desc limit 50",
  },
  {
    name: 'sqlService',
    title: 'a service',
    of: () => "where services @> array['Услуга 59'] order by registered_at desc limit 50",
  },
  {
    name: 'sqlDay',
    title: 'registered on a day',
    of: () => "where registered_at >= '2020-01-02' and registered_at < '2020-01-03' order by registered_at limit 50",
  },
]
