import { partnerStream } from '../domain/ids.ts'
import type { PartnerEvent } from '../domain/partner.ts'
import { plusDays } from '../kernel/time.ts'
import type { Asked } from './settings.ts'

/** An outage of a day is long enough for a person to look at the application. */
const escalateAfterDays = 1
/** A fresh registration reaches the mirror of the registry with a lag, so "not found" is asked again a day later. */
const secondLookAfterDays = 1

const lookUp = (data: { inn: string | null; companyName: string | null }, secondLook: boolean) => ({
  destination: 'fns',
  kind: 'fns.lookUp',
  payload: { inn: data.inn ?? '', claimedName: data.companyName, applicantKind: null, secondLook },
  personal: ['inn', 'claimedName'],
})

/** Asks the tax registry about every complete application; after a day without an answer a person is asked. */
export const verifyTaxpayer = (
  event: PartnerEvent,
  partner: { id: string; inn: string | null; companyName: string | null },
): readonly Asked[] => {
  switch (event.type) {
    case 'PartnerApplied':
    case 'PartnerDetailsProvided': {
      if (event.data.missing.length > 0) return []
      const escalation = { stream: partnerStream(partner.id), command: { type: 'EscalateVerification', data: {} } }
      return [
        lookUp(event.data, false),
        {
          destination: 'hub',
          kind: 'hub.command',
          payload: escalation,
          dueAt: plusDays(event.data.at, escalateAfterDays),
        },
      ]
    }
    case 'PartnerVerificationPostponed':
      return [
        {
          ...lookUp({ inn: partner.inn, companyName: partner.companyName }, true),
          dueAt: plusDays(event.data.at, secondLookAfterDays),
        },
      ]
    default:
      return []
  }
}
