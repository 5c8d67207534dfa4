import { slugOf } from '../connectors/slug.ts'
import { refundId } from '../domain/ids.ts'
import type { Handled } from '../engine/handle.ts'
import { type Kopecks, kopecks } from '../kernel/money.ts'
import { type CalendarDate, moscowDate, parseCalendarDate, plusCalendarDays } from '../kernel/time.ts'
import { exportPerson } from './personExport.ts'
import type { Actor, By, EffectFilter, HttpPorts, OperationResult } from './ports.ts'
import { problem } from './problem.ts'

/** The body of a command. */
export type Body = Readonly<Record<string, unknown>>
type Command = { readonly params: readonly string[]; readonly body: Body; readonly by: By; readonly actor: Actor }

/** An operator command: its path with `:name` for a part, what it does, and what its body holds besides the reason. */
export type OperatorRoute = {
  readonly path: string
  readonly doc: string
  readonly body: Readonly<Record<string, string>>
  readonly run: (ports: HttpPorts, command: Command) => Promise<OperationResult>
}

const reasonCharsMax = 500
/** The shop lists the last three years only. */
const daysBackMax = 3 * 365

const oneOf = <Choice extends string>(body: Body, name: string, choices: readonly Choice[]): Choice => {
  const found = choices.find((choice) => choice === body[name])
  if (found === undefined) throw problem(422, `${name}-unreadable`, `${name} should be one of ${choices.join(', ')}`)
  return found
}

const textOf = (body: Body, name: string): string | undefined => {
  const value = body[name]
  if (value === undefined || value === null) return undefined
  // What PostgreSQL cannot keep as text was never meant as text.
  if (typeof value !== 'string' || value.includes('\0') || !value.isWellFormed())
    throw problem(422, `${name}-unreadable`, `${name} should be a text`)
  return value
}

/** A command of the business on a stream, as an operation. */
const decide = async (
  ports: HttpPorts,
  { by }: Command,
  at: { readonly stream: string; readonly type: string; readonly data: Body; readonly unknown: string },
): Promise<OperationResult> => {
  const handled: Handled = await ports.handler.handle({
    stream: at.stream,
    command: { type: at.type, data: { at: ports.now(), ...at.data } },
    cause: { kind: 'operator', id: by.actor },
    actor: by.actor,
    reason: by.reason,
  })
  if (handled.tag === 'accepted')
    return {
      tag: 'ok',
      status: 200,
      position: handled.position,
      body: { stream: at.stream, events: handled.events.map((event) => event.type) },
    }
  if (handled.tag === 'claimed')
    return { tag: 'refused', code: 'inn-taken', detail: 'Another partner holds this INN now' }
  if (handled.tag !== 'refused')
    return { tag: 'refused', code: 'not-settled', detail: 'The command could not be settled' }
  return handled.code === at.unknown
    ? { tag: 'unknown', detail: handled.detail }
    : { tag: 'refused', code: handled.code, detail: handled.detail }
}

const reviewPartner = async (ports: HttpPorts, command: Command): Promise<OperationResult> => {
  const [id = ''] = command.params
  const verdict = oneOf(command.body, 'verdict', ['verified', 'rejected'])
  const { state } = await ports.handler.load(`partner-${id}`)
  const partner = state as {
    status: string
    company?: { legalName: string | null } | null
    application?: { companyName: string | null; contactName: string | null }
  }
  if (partner.status === 'absent') return { tag: 'unknown', detail: 'There is no such partner' }
  const name =
    partner.company?.legalName ?? partner.application?.companyName ?? partner.application?.contactName ?? null
  return decide(ports, command, {
    stream: `partner-${id}`,
    type: 'ReviewPartner',
    data: { verdict, slug: slugOf(name, id), detail: command.by.reason },
    unknown: 'partner-unknown',
  })
}

const days = (body: Body): number => {
  if (Number.isInteger(body.days) && Number(body.days) >= 1 && Number(body.days) <= 3660) return Number(body.days)
  throw problem(422, 'days-unreadable', 'days should be a whole number from 1 to 3660')
}

/** A day of Moscow in a body that has begun, and that the providers still tell about; null when none is named. */
const dayOf = (ports: HttpPorts, body: Body): CalendarDate | null => {
  if (body.day === undefined) return null
  const day = typeof body.day === 'string' ? parseCalendarDate(body.day) : null
  const today = moscowDate(ports.now())
  if (day !== null && day <= today && day >= plusCalendarDays(today, -daysBackMax)) return day
  throw problem(422, 'day-unreadable', `day should be a day such as ${today}, not later, and not older than 3 years`)
}

/** A sum of money in a body: whole kopecks above nothing. */
const sum = (body: Body): Kopecks => {
  if (Number.isSafeInteger(body.amountKopecks) && Number(body.amountKopecks) >= 1)
    return kopecks(Number(body.amountKopecks))
  throw problem(422, 'amount-unreadable', 'amountKopecks should be a whole number of kopecks above zero')
}

const planOf = (ports: HttpPorts, body: Body) => {
  const plan = ports.settings.plans.find((candidate) => candidate.plan === body.plan)
  if (plan) return plan
  throw problem(
    422,
    'plan-unreadable',
    `plan should be one of ${ports.settings.plans.map(({ plan }) => plan).join(', ')}`,
  )
}

const redriveFilter = (body: Body): EffectFilter => {
  const [destination, kind, status] = ['destination', 'kind', 'status'].map((name) => textOf(body, name))
  return {
    ...(destination === undefined ? {} : { destination }),
    ...(kind === undefined ? {} : { kind }),
    ...(status === undefined ? {} : { status }),
  }
}

/** Every operator command; one entry each. */
export const operatorRoutes: readonly OperatorRoute[] = [
  {
    path: 'projections/:name/rebuild',
    doc: 'Build a new version beside the live one',
    body: {},
    run: (ports, { params: [name = ''], by }) => ports.operations.rebuild(name, by),
  },
  {
    path: 'projections/:name/switch',
    doc: 'Make the candidate live',
    body: {},
    run: (ports, { params: [name = ''], by }) => ports.operations.switchVersion(name, by),
  },
  {
    path: 'projections/:name/rollback',
    doc: 'Make the previous version live again',
    body: {},
    run: (ports, { params: [name = ''], by }) => ports.operations.rollback(name, by),
  },
  {
    path: 'effects/redrive',
    doc: 'Set dead or refused effects free again',
    body: { destination: 'string', kind: 'string', status: 'string', dryRun: 'boolean' },
    run: (ports, { body, by }) =>
      ports.operations.redrive(redriveFilter(body), { ...by, dryRun: body.dryRun === true }),
  },
  {
    path: 'effects/:id/retry',
    doc: 'Try an effect again',
    body: {},
    run: (ports, { params: [id = ''], by }) => ports.operations.retryEffect(id, by),
  },
  {
    path: 'effects/:id/resolve',
    doc: 'Say what became of an effect',
    body: { outcome: 'string' },
    run: (ports, { params: [id = ''], body, by }) =>
      ports.operations.resolveEffect(id, oneOf(body, 'outcome', ['done', 'refused']), by),
  },
  {
    path: 'effects/:id/discard',
    doc: 'Give an effect up',
    body: {},
    run: (ports, { params: [id = ''], by }) => ports.operations.discardEffect(id, by),
  },
  {
    path: 'destinations/:name/pause',
    doc: 'Call a destination no more',
    body: {},
    run: (ports, { params: [name = ''], by }) => ports.operations.pauseDestination(name, by),
  },
  {
    path: 'destinations/:name/resume',
    doc: 'Call a destination again',
    body: {},
    run: (ports, { params: [name = ''], by }) => ports.operations.resumeDestination(name, by),
  },
  {
    path: 'webhooks/:id/replay',
    doc: 'Run a delivery through the present code again',
    body: {},
    run: (ports, { params: [id = ''], by }) => ports.operations.replayWebhook(id, by),
  },
  {
    path: 'quarantine/:id/release',
    doc: 'Take a delivery out of quarantine after a fix',
    body: {},
    run: (ports, { params: [id = ''], by }) => ports.operations.releaseQuarantine(id, by),
  },
  { path: 'partners/:id/review', doc: 'Decide an application', body: { verdict: 'string' }, run: reviewPartner },
  {
    path: 'partners/:id/unsubscribe',
    doc: 'End the consent to advertising, when a partner asks for it by phone or letter',
    body: {},
    run: (ports, command) =>
      decide(ports, command, {
        stream: `partner-${command.params[0]}`,
        type: 'Unsubscribe',
        data: {},
        unknown: 'partner-unknown',
      }),
  },
  {
    path: 'partners/:id/erase',
    doc: 'Forget a person for good',
    body: { basis: 'string' },
    run: async (ports, { params: [partnerId = ''], body, by }) => {
      const basis = oneOf(body, 'basis', ['request', 'withdrawal', 'unlawful', 'purpose_reached'])
      return ports.operations.erasePartner
        ? ports.operations.erasePartner(partnerId, basis, by)
        : { tag: 'unknown', detail: 'There is no such command' }
    },
  },
  {
    path: 'partners/:id/export',
    doc: 'Everything that is known about a partner',
    body: {},
    run: (ports, { params: [partnerId = ''], by, actor }) => exportPerson(ports, { partnerId, by, actor }),
  },
  {
    path: 'reconciliation/:provider/run',
    doc: 'Compare a provider’s books of a day with ours',
    body: { day: 'string', dryRun: 'boolean' },
    run: (ports, { params: [provider = ''], body, by }) =>
      ports.operations.reconcile(provider, { day: dayOf(ports, body), dryRun: body.dryRun === true }, by),
  },
  {
    path: 'differences/:id/correct',
    doc: 'Do what is suggested about a difference',
    body: {},
    run: (ports, { params: [id = ''], by }) => ports.operations.correctDifference(id, by),
  },
  {
    path: 'subscriptions/:id/cancel',
    doc: 'Cancel now or at the end of the period',
    body: { at: 'string' },
    run: (ports, command) =>
      decide(ports, command, {
        stream: `subscription-${command.params[0]}`,
        type: 'CancelSubscription',
        data: { when: oneOf(command.body, 'at', ['now', 'period_end']) },
        unknown: 'subscription-unknown',
      }),
  },
  {
    path: 'subscriptions/:id/resume',
    doc: 'Take back a cancellation at the end of the period',
    body: {},
    run: (ports, command) =>
      decide(ports, command, {
        stream: `subscription-${command.params[0]}`,
        type: 'ResumeSubscription',
        data: {},
        unknown: 'subscription-unknown',
      }),
  },
  {
    path: 'subscriptions/:id/stop-autopay',
    doc: 'Charge the saved method no more and forget it',
    body: {},
    run: (ports, command) =>
      decide(ports, command, {
        stream: `subscription-${command.params[0]}`,
        type: 'StopAutopay',
        data: { reason: 'withdrawn' },
        unknown: 'subscription-unknown',
      }),
  },
  {
    path: 'subscriptions/:id/extend',
    doc: 'Give days as a present',
    body: { days: 'integer' },
    run: (ports, command) =>
      decide(ports, command, {
        stream: `subscription-${command.params[0]}`,
        type: 'ExtendSubscription',
        data: { days: days(command.body) },
        unknown: 'subscription-unknown',
      }),
  },
  {
    path: 'subscriptions/:id/change-plan',
    doc: 'Another plan, now or from the next period on',
    body: { plan: 'string', at: 'string' },
    run: (ports, command) =>
      decide(ports, command, {
        stream: `subscription-${command.params[0]}`,
        type: 'ChangePlan',
        data: { when: oneOf(command.body, 'at', ['now', 'period_end']), plan: planOf(ports, command.body) },
        unknown: 'subscription-unknown',
      }),
  },
  {
    path: 'subscriptions/:id/refund',
    doc: 'Give money of the newest payment back',
    body: { amountKopecks: 'integer' },
    run: (ports, command) =>
      decide(ports, command, {
        stream: `subscription-${command.params[0]}`,
        type: 'RequestRefund',
        data: { refundId: refundId(ports.newId()), amountKopecks: sum(command.body) },
        unknown: 'subscription-unknown',
      }),
  },
]

/** The parts of a path that a pattern leaves open; null when it is another path. */
export const matchPath = (pattern: string, path: string): readonly string[] | null => {
  const names = pattern.split('/')
  const segments = path.split('/')
  if (names.length !== segments.length) return null
  const params: string[] = []
  for (const [index, name] of names.entries()) {
    const segment = segments[index] ?? ''
    if (name.startsWith(':')) params.push(segment)
    else if (name !== segment) return null
  }
  return params
}

/** What an operator command came to when it was not refused. */
export type Done = Extract<OperationResult, { tag: 'ok' }>

/** Runs an operator command; a refusal is a problem. */
export const runCommand = async (
  ports: HttpPorts,
  route: OperatorRoute,
  at: { readonly params: readonly string[]; readonly body: Body; readonly actor: Actor },
): Promise<Done> => {
  const { body } = at
  const reason = (textOf(body, 'reason') ?? '').trim()
  if (reason === '' || reason.length > reasonCharsMax)
    throw problem(422, 'reason-missing', `reason should be a text of up to ${reasonCharsMax} characters`)
  const result = await route.run(ports, {
    params: at.params,
    body,
    by: { actor: at.actor.name, reason },
    actor: at.actor,
  })
  if (result.tag === 'unknown') throw problem(404, 'not-found', result.detail)
  if (result.tag === 'refused') throw problem(409, result.code, result.detail)
  return result
}

/** The JSON object that a command was sent with. */
export const readCommandBody = async (request: Request): Promise<Body> => {
  const parsed = parseJson(await request.text())
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed))
    throw problem(400, 'body-unreadable', 'The body should be a JSON object')
  return parsed as Body
}

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
