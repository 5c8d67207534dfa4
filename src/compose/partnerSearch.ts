import type { Performer } from '../connectors/connector.ts'
import { matchingKey } from '../connectors/matching.ts'
import { done } from '../kernel/decision.ts'
import type { Core } from './core.ts'

/** The live table of a read model. */
export const liveTable = async ({ sql }: Pick<Core, 'sql'>, name: string): Promise<string> => {
  const [live] = await sql<
    { version: number }[]
  >`select version from hub.read_models where name = ${name} and role = 'live'`
  return `hub_read.${name}_${live?.version ?? 1}`
}

/** A name as it is compared in the database: without case, blanks, hyphens and the difference of ё and е. */
export const keySql = (text: string): string => `translate(lower(${text}), 'ё -–—.', 'е')`

/** The condition that a partner offers the service `$2`, or that none was named. */
export const offersServiceSql = `($2::text is null or exists (select from unnest(services) name where ${keySql('name')} = $2::text))`

/** Chooses whom a lead is offered to: listed, of the city, with the service; who was asked longest ago is the next. */
export const choosePartner =
  (core: Pick<Core, 'sql'>): Performer =>
  async (payload) => {
    const { city, service, without } = payload as { city: string; service: string | null; without: readonly string[] }
    const from = await liveTable(core, 'partners')
    const [row] = await core.sql.unsafe<{ partnerId: string }[]>(
      `select partner_id from ${from} p
        where listed and email is not null and ${keySql('city')} = $1::text and ${offersServiceSql} and partner_id <> all ($3::text[])
        order by (select max(e.position) from hub.events e where e.subject = p.partner_id and e.type = 'LeadOffered') nulls first,
                 md5(partner_id) limit 1`,
      [matchingKey(city), service === null ? null : matchingKey(service), [...without]],
      { prepare: true },
    )
    return done({ partnerId: row?.partnerId ?? null })
  }
