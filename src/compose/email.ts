import { createEmailCourier } from '../connectors/email/client.ts'
import { startMailSink } from '../connectors/email/twin.ts'
import { type Composing, off, type Provider, statusOf } from './provider.ts'

/** Letters in a day and a minute; null: no limit but the destination's rate. */
export type EmailLimits = { readonly dailyMax: number; readonly perMinuteMax: number | null }

/** Composes the relay, or the sandbox's sink on a port of its own. */
export const composeEmail = async (composing: Composing): Promise<{ provider: Provider; limits: EmailLimits }> => {
  const { config } = composing
  const status = statusOf(config, config.email)
  const extraCaFile = process.env.NODE_EXTRA_CA_CERTS || process.env.DENO_CERT || null
  if (config.email) {
    const { host, port, user, password, from, dailyMax, perMinuteMax } = config.email
    const courier = createEmailCourier(
      { host, port, user, password, from, requireTls: config.service.mode === 'production' },
      { extraCaFile },
    )
    return {
      provider: { name: 'email', status, hooks: [], courier, places: [], twin: null, close: courier.close },
      limits: { dailyMax, perMinuteMax },
    }
  }
  if (status === 'off') return { provider: off('email'), limits: { dailyMax: 0, perMinuteMax: null } }
  const sink = await startMailSink(composing.twinContext('mail'), { host: '127.0.0.1', port: 0 })
  const settings = {
    host: '127.0.0.1',
    port: sink.port,
    user: null,
    password: null,
    from: 'Дома и цены <noreply@дома-цены.рф>',
    requireTls: false,
  }
  const courier = createEmailCourier(settings, { extraCaFile, perSecondMax: 50 })
  const close = async (): Promise<void> => {
    await courier.close()
    await sink.stop()
  }
  return {
    provider: { name: 'email', status, hooks: [], courier, places: [], twin: sink.twin, close },
    limits: { dailyMax: 100_000, perMinuteMax: null },
  }
}
