import { databaseError } from '../db/connect.ts'
import { statement, statements } from '../db/query.ts'
import { sqlText } from '../db/sqlText.ts'
import { liveVersion } from '../http/lists.ts'
import type { HttpPorts } from '../http/ports.ts'

const named = statements(sqlText('console.sql'))

/** A value that a statement of the console is given. */
export type Parameter = string | number | null | readonly string[]

/** Runs a named statement of the console; the live tables of the read models are put into it. */
export const read = async <Row extends object>(
  ports: HttpPorts,
  name: string,
  parameters: readonly Parameter[] = [],
): Promise<readonly Row[]> => {
  const text = statement(named, name)
  const models = [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1] ?? '')
  const run = async (): Promise<readonly Row[]> => {
    const tables = new Map<string, string>()
    for (const model of new Set(models)) {
      const { version } = await liveVersion(ports, model)
      tables.set(model, `hub_read.${model}_${version}`)
    }
    const ready = text.replace(/\{(\w+)\}/g, (_all, model: string) => tables.get(model) ?? model)
    return ports.sql.unsafe<Row[]>(ready, [...parameters], { prepare: models.length === 0 })
  }
  try {
    return await run()
  } catch (error) {
    // Another version took the place of the live table just now.
    if (models.length === 0 || databaseError(error)?.code !== '42P01') throw error
    return run()
  }
}

/** Whether a text can be an id of a delivery, an event or an effect. */
export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)
