import fc from 'fast-check'
import { everyChange, fresh, senders, to, unstorable, words } from './benchParts.ts'
import type { Bench, Sender } from './webhookBodies.ts'
import { type HookName, known } from './webhookReading.ts'

/** The client bot's tools that read. */
export const clientTools = { tool: 'find_partners', other: 'partner_card', foreign: 'my_leads' }
/** The partner bot's tools that read. */
export const partnerTools = { tool: 'my_leads', other: 'subscription_status', foreign: 'find_partners' }

/** Questions of a bot. */
export const protalk = (
  hook: HookName,
  { tool, other, foreign }: Readonly<Record<'tool' | 'other' | 'foreign', string>>,
): Bench => ({
  hook,
  medias: ['form', 'json'],
  valid: fc.record({ id: fresh, word: words }).map(({ id, word }) => [
    ['tool', tool],
    ['city', word],
    ['limit', String(id)],
    ['chat_id', `umn147517_${id}`],
  ]),
  odd: {
    tool: [other, foreign, '', 'nothing', 5, null],
    city: [{}, '<b>'],
    limit: [-1, 'NaN'],
    chat_id: [unstorable, 5, []],
    secret: [known.tool, 'k-tool-2'],
  },
  mayDrop: ['tool', 'city', 'chat_id'],
  changes: everyChange,
  senders: botSenders(placeOf(hook)),
})

/** The door of a bot, whichever way of calling it is meant. */
const placeOf = (hook: HookName): string => hook.split('/').slice(0, 2).join('/')

const botSenders = (door: string): fc.Arbitrary<Sender> =>
  senders(
    [to(door, { 'x-webhook-secret': known.tool }), to(`${door}?secret=${known.tool}`)],
    [to(door), to(door, { 'x-webhook-secret': 'k-tool-2' }), to(`${door}?secret=`)],
  )

/** The same by GET. */
export const byQuery = (bench: Bench): Bench => ({ ...bench, byQuery: true })

/** Requests of visitors, which are kept, and what they look like when a model makes them up. */
export const request: Bench = {
  hook: 'protalk/client/write',
  medias: ['form', 'json'],
  valid: fc
    .record({ id: fresh, word: words, agreed: fc.constantFrom(true, true, true, false) })
    .map(({ id, word, agreed }) => [
      ['tool', 'leave_request'],
      ['name', word],
      ['phone', `+7912${String(id).slice(-7)}`],
      ['city', 'Ярославль'],
      ['wish', word],
      ['consent', agreed ? 'yes' : 'no'],
      ['chat_id', `c${id}`],
    ]),
  odd: {
    tool: ['find_partners', 'cancel_subscription', '', 5],
    phone: ['', 'нет', unstorable, [], {}],
    consent: [true, 1, 'да', 'perhaps', '', null, {}],
    wish: ['x'.repeat(5000), unstorable, []],
    chat_id: ['umn147517_5', unstorable, 'x'.repeat(300)],
    args: ['{"tool":"x"}', '{', { consent: true }],
  },
  mayDrop: ['name', 'phone', 'city', 'wish', 'consent', 'chat_id'],
  changes: everyChange,
  senders: botSenders('protalk/client'),
}

/** Partners who prove themselves, or try to. */
export const proving: Bench = {
  hook: 'protalk/partner/write',
  medias: ['form', 'json'],
  valid: fc
    .record({
      id: fresh,
      tool: fc.constantFrom('cancel_subscription', 'payment_link', 'my_leads', 'subscription_status'),
    })
    .map(({ id, tool }) => [
      ['tool', tool],
      ['email', `${id}@example.ru`],
      ['code', String(id).slice(0, 6)],
      ['chat_id', `tb${id}`],
    ]),
  odd: {
    tool: ['leave_request', 'drop_tables', ''],
    email: ['@', '', unstorable, 'x'.repeat(5000), []],
    code: ['', 'abc', 123456, '0'.repeat(400)],
    chat_id: ['', null, unstorable],
    at: ['now', 'later'],
  },
  mayDrop: ['email', 'code', 'chat_id'],
  changes: everyChange,
  senders: botSenders('protalk/partner'),
}
