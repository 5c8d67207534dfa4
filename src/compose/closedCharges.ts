import { readPaymentId, readSubscriptionId, subscriptionStream } from '../domain/ids.ts'
import type { Core } from './core.ts'

const charges = ['yookassa.chargeSaved', 'cloudpayments.chargeToken']

/**
 * Tells a subscription that an operator gave a charge of its saved method up: otherwise the charge would stay open, and nobody could
 * pay the period by hand. What the provider says of it later still counts.
 */
export const endClosedCharge =
  (core: Pick<Core, 'sql' | 'handler' | 'clock'>) =>
  async (effectId: string): Promise<void> => {
    const [effect] = await core.sql<{ kind: string; payload: Readonly<Record<string, unknown>> }[]>`
      select kind, payload from hub.effects where effect_id = ${effectId}::uuid`
    if (!effect || !charges.includes(effect.kind)) return
    const paymentId = readPaymentId(String(effect.payload.paymentId ?? ''))
    const subscriptionId = readSubscriptionId(String(effect.payload.subscriptionId ?? ''))
    if (!paymentId || !subscriptionId) return
    await core.handler.handle({
      stream: subscriptionStream(subscriptionId),
      command: { type: 'RecordPaymentRefusal', data: { at: core.clock.now(), paymentId, code: 'charge-given-up' } },
      cause: { kind: 'effect', id: effectId },
    })
  }
