import { cabinetMinutes } from '../domain/cabinet.ts'
import type { DomainEvent } from '../domain/index.ts'
import type { Partner } from '../domain/partner.ts'
import { emailOf, greeting, letter } from './letterParts.ts'
import type { Asked, ReactorSettings } from './settings.ts'

/** Sends the link to the cabinet to the address on file; to nobody when it was asked for an address that nobody has. */
export const openCabinets = (
  settings: ReactorSettings,
  event: DomainEvent,
  { partner }: { readonly partner: Partner | null },
): readonly Asked[] => {
  if (event.type !== 'CabinetLinkAsked' || event.data.partnerId === null) return []
  const cabinetUrl = settings.cabinetLink(event.data.partnerId, event.data.expiresAt)
  return letter(emailOf(partner), 'cabinet-link', { name: greeting(partner), cabinetUrl, validMinutes: cabinetMinutes })
}
