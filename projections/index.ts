import { dialogs } from './dialogs.ts'
import { differences } from './differences.ts'
import { leads } from './leads.ts'
import { messages } from './messages.ts'
import { offers } from './offers.ts'
import { partners } from './partners.ts'
import { payments } from './payments.ts'
import type { ReadModel } from './projection.ts'
import { reconciliation } from './reconciliation.ts'
import { subscriptions } from './subscriptions.ts'

/** Every read model that is a fold of the log; one line each. */
export const readModels: readonly ReadModel[] = [
  partners,
  subscriptions,
  payments,
  leads,
  offers,
  dialogs,
  messages,
  reconciliation,
  differences,
]
