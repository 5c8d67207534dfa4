import { type Instant, instant, msOf } from '../../kernel/time.ts'
import type { TwinChange, TwinHook } from '../twinDesk.ts'

/** A lead of the site as the twin keeps it. */
export type SiteLead = {
  readonly id: number
  readonly num: number
  readonly at: Instant
  readonly status: 'new' | 'in_progress' | 'completed' | 'canceled' | 'deleted'
  readonly name: string
  readonly phone: string
  readonly email: string
  readonly formName: string
  readonly pageUrl: string
  readonly utm: Readonly<Record<string, string>>
  readonly answers: readonly { readonly name: string; readonly value: string }[]
}

/** All that the twin knows. */
export type SiteData = { readonly leads: readonly SiteLead[]; readonly nextId: number }

/** A site without leads. */
export const emptySite: SiteData = { leads: [], nextId: 8_123_456 }

/** A site keeps its leads for long; a test never makes this many. */
const leadsMax = 5000

/** What a visitor's form brings; `hooked` false: the notification never comes, and only a pull finds the lead. */
export type FormWords = Omit<SiteLead, 'id' | 'num' | 'at' | 'status'> & { readonly hooked: boolean }

/** Enters a form of a visitor, and tells the service if the hook works. */
export const enterForm = (
  data: SiteData,
  { hooked, ...words }: FormWords,
  { now, hookPath }: { readonly now: Instant; readonly hookPath: string },
): TwinChange<SiteData, SiteLead> => {
  // The provider counts in seconds.
  const at = instant(Math.floor(msOf(now) / 1000) * 1000)
  const lead: SiteLead = { ...words, id: data.nextId, num: data.leads.length + 1, at, status: 'new' }
  const next = { leads: [...data.leads, lead].slice(-leadsMax), nextId: data.nextId + 1 }
  return { data: next, result: lead, hooks: hooked ? [hookOf(lead, hookPath)] : [] }
}

/** The notification of a lead, in the brackets of the older API. */
export const hookOf = (lead: SiteLead, path: string): TwinHook => ({
  name: 'lead',
  path,
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: String(new URLSearchParams([['event', 'lead'], ...bracketPairs('data', legacyLead(lead))])),
})

const bracketPairs = (name: string, value: unknown): [string, string][] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => bracketPairs(`${name}[${key}]`, inner))
    : [[name, String(value ?? '')]]

const legacyCodes: Readonly<Record<SiteLead['status'], number>> = {
  new: 0,
  in_progress: 1,
  completed: 2,
  canceled: 10,
  deleted: 11,
}

/** A lead as the older API and the hook write it. */
export const legacyLead = (lead: SiteLead) => ({
  id: lead.id,
  num: lead.num,
  time: Math.floor(msOf(lead.at) / 1000),
  status: { code: legacyCodes[lead.status], name: lead.status },
  client: { name: lead.name, phone: lead.phone, email: lead.email },
  note: '',
  form_name: lead.formName,
  form_data: lead.answers,
  page: { url: lead.pageUrl, name: 'Дома и цены' },
  utm: Object.fromEntries(Object.entries(lead.utm).map(([key, value]) => [`utm_${key}`, value])),
})

/** A lead as the newer API writes it. */
export const restLead = (lead: SiteLead, siteId: string) => ({
  id: lead.id,
  sequence: lead.num,
  siteId: Number(siteId),
  status: lead.status,
  isRead: false,
  formName: lead.formName,
  customer: { name: lead.name, phone: lead.phone, email: lead.email },
  formFields: lead.answers.map(({ name, value }, index) => ({ id: `f${index}`, name, value, type: 'text' })),
  orderItems: [],
  payment: null,
  notes: '',
  tracking: { ip: '203.0.113.9', deviceType: 'desktop' },
  trackingExtra: {
    url: lead.pageUrl,
    ...Object.fromEntries(Object.entries(lead.utm).map(([key, value]) => [`utm_${key}`, value])),
  },
  createdAt: lead.at,
  updatedAt: lead.at,
})
