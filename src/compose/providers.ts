import type { ReactorSettings } from '../reactors/settings.ts'
import { cloudpaymentsExpected, cloudpaymentsSettings, composeCloudPayments } from './cloudpayments.ts'
import { composeEmail, type EmailLimits } from './email.ts'
import { composeFlexbe } from './flexbe.ts'
import { composeFns } from './fns.ts'
import { composeProtalk } from './protalk.ts'
import type { Composing, Provider } from './provider.ts'
import { composeTilda, type Templates } from './tilda.ts'
import { composeUmnico } from './umnico.ts'
import { composeYooKassa, yookassaExpected, yookassaSettings } from './yookassa.ts'

/** Every provider, with what others need of them. */
export type Providers = {
  readonly list: readonly Provider[]
  readonly templates: Templates
  readonly formUrl: string
  readonly emailLimits: EmailLimits
  /** Whether both the chat and the bot are there, so that words can be handed between them. */
  readonly canRelay: boolean
  readonly expected: ReactorSettings['expected']
}

/** Composes every provider; one line each. */
export const composeProviders = async (composing: Composing): Promise<Providers> => {
  const tilda = composeTilda(composing)
  const email = await composeEmail(composing)
  const [umnico, protalk] = await Promise.all([composeUmnico(composing), composeProtalk(composing)])
  return {
    list: [
      composeFns(composing),
      tilda.provider,
      composeYooKassa(composing),
      composeCloudPayments(composing),
      umnico,
      protalk,
      composeFlexbe(composing),
      email.provider,
    ],
    templates: tilda.templates,
    formUrl: tilda.formUrl,
    emailLimits: email.limits,
    canRelay: umnico.courier !== null && protalk.courier !== null,
    expected: {
      yookassa: yookassaExpected(yookassaSettings(composing)),
      cloudpayments: cloudpaymentsExpected(cloudpaymentsSettings(composing)),
    },
  }
}
