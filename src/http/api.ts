import { databaseError, isDatabaseAway } from '../db/connect.ts'
import { isLogAway } from '../log/append.ts'
import { type Access, makeAccess } from './access.ts'
import { readCard } from './cards.ts'
import { exportFormat, exportList, slots } from './exports.ts'
import { cursorCodec } from './listQuery.ts'
import { type ListDeps, readPage, readSmallPage, smallItems } from './lists.ts'
import { openApiDocument, openApiPage } from './openapi.ts'
import { matchPath, operatorRoutes, readCommandBody, runCommand } from './operationsRoutes.ts'
import type { Actor, HttpPorts } from './ports.ts'
import { jsonAnswer, problem, problemOf, problemResponse } from './problem.ts'
import { resources, smallResources } from './resources.ts'
import { explainField, traceOf } from './why.ts'

/** What the API needs besides its ports. */
export type ApiDeps = {
  readonly ports: HttpPorts
  readonly doctor: () => Promise<unknown>
  readonly onError: (error: unknown) => void
}

const prefix = '/api/v1/'
/** Exports at a time; each holds one of the pool's connections. */
const exportsMax = 4

type Asked = {
  readonly request: Request
  readonly path: string
  readonly params: URLSearchParams
  readonly actor: Actor
}

/** The door of the API: a role by its token, then one table of lists, cards and commands; everything else is a problem. */
export const apiDoor = (deps: ApiDeps) => {
  const { ports } = deps
  const access = makeAccess({ operator: ports.settings.operatorTokens, analyst: ports.settings.analystTokens }, () =>
    performance.now(),
  )
  const lists: ListDeps = {
    ports,
    cursors: cursorCodec(ports.settings.operatorTokens[0] ?? ''),
    exportSlots: slots(exportsMax),
  }

  return async (request: Request, peer: string): Promise<Response> => {
    try {
      const actor = admitted(access(request, peer))
      const url = new URL(request.url)
      return await answer(deps, lists, {
        request,
        path: url.pathname.slice(prefix.length),
        params: url.searchParams,
        actor,
      })
    } catch (error) {
      return failed(deps, error)
    }
  }
}

const retryHeaders: Readonly<Record<number, Readonly<Record<string, string>>>> = {
  401: { 'WWW-Authenticate': 'Bearer' },
  429: { 'Retry-After': '60' },
  503: { 'Retry-After': '5' },
}

const failed = (deps: ApiDeps, error: unknown): Response => {
  const known = problemOf(error)
  if (known) return problemResponse(known, retryHeaders[known.status] ?? {})
  if (isDatabaseAway(error) || isLogAway(error))
    return problemResponse(
      { status: 503, code: 'database-away', detail: 'The database is away; try again soon' },
      { 'Retry-After': '5' },
    )
  // A statement that the server cut off: the question was too wide for a page.
  if (databaseError(error)?.code === '57014')
    return problemResponse(
      { status: 503, code: 'took-too-long', detail: 'The answer took too long; ask for less, or for an export' },
      { 'Retry-After': '5' },
    )
  deps.onError(error)
  return problemResponse({ status: 500, code: 'internal', detail: 'The service failed; the failure was recorded' })
}

const admitted = (access: Access): Actor => {
  switch (access.tag) {
    case 'actor':
      return access.actor
    case 'throttled':
      throw problem(429, 'too-many-wrong-tokens', 'Too many wrong tokens came from this address')
    default:
      throw problem(401, 'token-missing', 'A valid bearer token is needed')
  }
}

const forOperators = (actor: Actor): void => {
  if (actor.role !== 'operator') throw problem(403, 'role-too-low', 'This is for operators')
}

const answer = async (deps: ApiDeps, lists: ListDeps, asked: Asked): Promise<Response> => {
  const { ports } = deps
  const { request, path, actor, params } = asked
  if (request.method === 'POST') return command(ports, asked)
  const allowed =
    operatorRoutes.some((route) => matchPath(route.path, path) !== null) && !/^projections\/[^/]+\/diff$/.test(path)
      ? 'POST'
      : 'GET, HEAD'
  if ((request.method !== 'GET' && request.method !== 'HEAD') || allowed === 'POST') {
    return problemResponse(
      { status: 405, code: 'method-not-allowed', detail: `This address knows ${allowed}` },
      { Allow: allowed },
    )
  }
  const [name = '', id, tail, more] = path.split('/')
  if (path === 'doctor') {
    forOperators(actor)
    return jsonAnswer(await deps.doctor())
  }
  if (name === 'trace' && id && tail === undefined) return jsonAnswer(await traceOf(ports, { id, actor }))
  if (name === 'partners' && id && tail === 'why' && more === undefined)
    return jsonAnswer(
      await explainField(ports, { partnerId: decoded(id), field: params.get('field') ?? 'status', actor }),
    )
  if (name === 'projections' && id && tail === 'diff' && more === undefined) return diff(ports, decoded(id))
  if (tail !== undefined) throw problem(404, 'not-found', 'There is nothing here')
  const resource = resources.find((candidate) => candidate.name === name)
  if (resource && id !== undefined) {
    const card = await readCard(ports, resource, { id: decoded(id), actor, params })
    return jsonAnswer(card.item, 200, card.position === null ? {} : { 'X-Position': String(card.position) })
  }
  const format = exportFormat(request.headers.get('accept'))
  const bodyless = request.method === 'HEAD'
  if (resource)
    return format
      ? exportList(lists, resource, { params, actor, format, bodyless })
      : jsonAnswer(await readPage(lists, resource, { params, actor }))
  const small = smallResources.find((candidate) => candidate.name === name)
  if (!small) throw problem(404, 'not-found', 'There is no such list')
  if (id !== undefined) {
    const item = (await smallItems(ports, name)).find((candidate) => candidate[small.id] === decoded(id))
    if (!item) throw problem(404, 'not-found', 'There is no such item')
    return jsonAnswer(item)
  }
  return format
    ? exportList(lists, small, { params, actor, format, bodyless })
    : jsonAnswer(await readSmallPage(lists, small, { params, actor }))
}

const decoded = (segment: string): string => {
  const notFound = problem(404, 'not-found', 'There is no such item')
  try {
    const text = decodeURIComponent(segment)
    if (text.includes('\0')) throw notFound
    return text
  } catch {
    throw notFound
  }
}

const diff = async (ports: HttpPorts, name: string): Promise<Response> => {
  const result = await ports.operations.diff(name)
  if (result.tag === 'unknown') throw problem(404, 'not-found', result.detail)
  if (result.tag === 'refused') throw problem(409, result.code, result.detail)
  return jsonAnswer(result.body)
}

const command = async (ports: HttpPorts, { request, path, actor }: Asked): Promise<Response> => {
  if (path === 'projections/verify') {
    forOperators(actor)
    return jsonAnswer(await ports.operations.verify())
  }
  for (const route of operatorRoutes) {
    const params = matchPath(route.path, path)
    if (!params) continue
    forOperators(actor)
    const body = await readCommandBody(request)
    const done = await runCommand(ports, route, { params: params.map(decoded), body, actor })
    return jsonAnswer({ ...done.body, position: done.position }, done.status, { 'X-Position': String(done.position) })
  }
  const known =
    resources.some((resource) => path === resource.name) || smallResources.some((resource) => path === resource.name)
  if (known)
    return problemResponse(
      { status: 405, code: 'method-not-allowed', detail: 'A list is read with GET' },
      { Allow: 'GET, HEAD' },
    )
  throw problem(404, 'not-found', 'There is no such command')
}

/** `GET /openapi` and `GET /openapi/json`. */
export const openApiDoor = (ports: HttpPorts) => {
  const document = openApiDocument({ version: ports.version, publicUrl: ports.settings.publicUrl })
  return async (request: Request): Promise<Response> => {
    const { pathname } = new URL(request.url)
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return problemResponse(
        { status: 405, code: 'method-not-allowed', detail: 'This address knows GET' },
        { Allow: 'GET, HEAD' },
      )
    if (pathname === '/openapi/json') return jsonAnswer(document)
    return pathname === '/openapi' || pathname === '/openapi/'
      ? openApiPage(document)
      : problemResponse({ status: 404, code: 'not-found', detail: 'There is nothing here' })
  }
}
