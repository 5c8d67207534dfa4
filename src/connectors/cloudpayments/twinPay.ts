import type { Instant } from '../../kernel/time.ts'
import type { TwinChange, TwinDesk } from '../twinDesk.ts'
import { type CardOutcome, cardType, checkRefusal } from './twinCards.ts'
import {
  fieldsOf,
  hookOf,
  type Order,
  type TerminalData,
  type Token,
  type Transaction,
  withTransaction,
} from './twinModel.ts'

/** The terminal that the twin plays. */
export type Terminal = {
  readonly desk: TwinDesk<TerminalData>
  readonly newId: () => string
  readonly publicId: string
  readonly secret: string
  readonly testMode: boolean
}

/** What is about to be paid. */
export type Charge = Pick<
  Transaction,
  'amountKopecks' | 'invoiceId' | 'accountId' | 'email' | 'description' | 'jsonData' | 'card' | 'token' | 'twoStages'
> & {
  /** What the bank will say: 0 is yes. */
  readonly reasonCode: number
  /** A card to be remembered once it is paid. */
  readonly newToken: Token | null
}

/**
 * Takes money: asks the merchant by `check`, then the bank, and tells the merchant by `pay` or `fail`. The books are free while
 * the merchant thinks, as he may call meanwhile.
 */
export const takeMoney = async (terminal: Terminal, charge: Charge): Promise<Transaction> => {
  const { desk, secret } = terminal
  const { reasonCode, newToken, ...asked } = charge
  const begun = await desk.change((data, now) => begin(data, { ...asked, testMode: terminal.testMode, createdAt: now }))
  const { checkOn } = (await desk.state()).data
  const refusal = checkOn ? checkRefusal(await desk.deliver(hookOf('check', fieldsOf('check', begun), secret))) : 0
  return desk.change((data, now) => settle(data, { begun, code: refusal || reasonCode, newToken, now, secret }))
}

const begin = (
  data: TerminalData,
  asked: Omit<Transaction, 'id' | 'type' | 'originalId' | 'status' | 'reasonCode' | 'confirmedAt'>,
): TwinChange<TerminalData, Transaction> => {
  const id = data.lastNumber + 1
  const transaction: Transaction = {
    ...asked,
    id,
    type: 'Payment',
    originalId: null,
    status: 'AwaitingAuthentication',
    reasonCode: 0,
    confirmedAt: null,
  }
  return { data: withTransaction({ ...data, lastNumber: id }, transaction), result: transaction }
}

type Settlement = {
  readonly begun: Transaction
  readonly code: number
  readonly newToken: Token | null
  readonly now: Instant
  readonly secret: string
}

const settle = (
  data: TerminalData,
  { begun, code, newToken, now, secret }: Settlement,
): TwinChange<TerminalData, Transaction> => {
  if (code !== 0) {
    const declined: Transaction = { ...begun, status: 'Declined', reasonCode: code, token: '' }
    const hooks = [hookOf('fail', fieldsOf('fail', declined), secret)]
    return { data: withTransaction(data, declined), result: declined, hooks }
  }
  const paid: Transaction = {
    ...begun,
    status: begun.twoStages ? 'Authorized' : 'Completed',
    confirmedAt: now,
    token: newToken?.token ?? begun.token,
  }
  const tokens = newToken === null ? data.tokens : { ...data.tokens, [newToken.token]: newToken }
  const hooks = [hookOf('pay', fieldsOf('pay', paid), secret)]
  return { data: withTransaction({ ...data, tokens }, paid), result: paid, hooks }
}

/** Pays an order by a test card. A card is remembered only for an account, and only when the order asks for it. */
export const payOrder = async (
  terminal: Terminal,
  order: Order,
  { number, outcome }: { readonly number: string; readonly outcome: CardOutcome },
): Promise<Transaction> => {
  const card = { first6: number.slice(0, 6), last4: number.slice(-4), type: cardType(number) }
  const { amountKopecks, invoiceId, accountId, email, description, jsonData, twoStages } = order
  const remembered = order.saveCard && accountId !== ''
  const newToken = remembered ? { token: `tk_${terminal.newId()}`, accountId, card, byToken: outcome.byToken } : null
  const charge = { amountKopecks, invoiceId, accountId, email, description, jsonData, twoStages, card, token: '' }
  const transaction = await takeMoney(terminal, { ...charge, reasonCode: outcome.first, newToken })
  if (transaction.status === 'Declined') return transaction
  return terminal.desk.change((data, now) => ({
    data: { ...data, orders: { ...data.orders, [order.id]: { ...order, status: 'Paid', paidAt: now } } },
    result: transaction,
  }))
}

/** The fault that a merchant fears: the same payment is made a second time, under a number of its own. Null: it was not paid. */
export const applyAgain = (
  data: TerminalData,
  { of, now, terminal }: { readonly of: number; readonly now: Instant; readonly terminal: Pick<Terminal, 'secret'> },
): TwinChange<TerminalData, Transaction | null> => {
  const first = data.transactions[of]
  if (first?.type !== 'Payment' || first.status !== 'Completed') return { data, result: null }
  const id = data.lastNumber + 1
  const second: Transaction = { ...first, id, createdAt: now, confirmedAt: now }
  const next = withTransaction({ ...data, lastNumber: id }, second)
  return { data: next, result: second, hooks: [hookOf('pay', fieldsOf('pay', second), terminal.secret)] }
}
