import type { OperatorRoute } from '../http/operationsRoutes.ts'
import { type Body, type Done, matchPath, operatorRoutes, runCommand } from '../http/operationsRoutes.ts'
import { problem } from '../http/problem.ts'
import type { Look } from './frame.ts'

/** Fields of a form that are the console's own. */
const ownFields = new Set(['csrf', 'back'])

/** Runs the operator command that a form names by its path; the same table as the API's. */
export const runAction = async (
  look: Pick<Look, 'ports' | 'actor'>,
  path: string,
  form: URLSearchParams,
): Promise<Done> => {
  for (const route of operatorRoutes) {
    const params = matchPath(route.path, path)
    if (params)
      return runCommand(look.ports, route, {
        params: params.map(decoded),
        body: bodyOf(route, form),
        actor: look.actor,
      })
  }
  throw problem(404, 'not-found', 'There is no such command')
}

/** A part of the address as it was before it was written into one. */
const decoded = (part: string): string => {
  try {
    return decodeURIComponent(part)
  } catch {
    throw problem(404, 'not-found', 'There is no such item')
  }
}

/** The form as the body of the command; empty fields were not filled in. */
const bodyOf = (route: OperatorRoute, form: URLSearchParams): Body => {
  const typed = (name: string, value: string): unknown => {
    if (route.body[name] === 'integer') return Number(value)
    return route.body[name] === 'boolean' ? value === 'true' : value
  }
  return Object.fromEntries(
    [...form]
      .filter(([name, value]) => !ownFields.has(name) && value.trim() !== '')
      .map(([name, value]) => [name, typed(name, value)]),
  )
}

/** What the next page says about it, as its query: the verdict or the status that came of it, or how many were meant. */
export const saidOf = ({ body }: Done): string => {
  const word = body.dryRun === true ? 'counted' : (body.verdict ?? body.status)
  const said = typeof word === 'string' && /^[a-z_]{1,40}$/.test(word) ? word : 'done'
  return new URLSearchParams({
    said,
    ...(typeof body.count === 'number' ? { count: String(body.count) } : {}),
  }).toString()
}
