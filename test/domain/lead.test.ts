import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { leads } from '../../projections/leads.ts'
import { leadId } from '../../src/domain/ids.ts'
import { type Lead, type LeadDetails, type LeadReceipt, lead, leadClaims } from '../../src/domain/lead.ts'
import { instant } from '../../src/kernel/time.ts'

const at = instant(Date.parse('2026-11-24T09:00:00Z'))
const id = leadId('0191e0c2-0000-7000-8000-000000000001')
const receipt = (details: Partial<LeadDetails>, change: Partial<LeadReceipt> = {}): LeadReceipt => ({
  leadId: id,
  at,
  source: 'flexbe',
  externalId: '8123456',
  via: 'hook',
  dialogId: null,
  details: {
    name: null,
    phone: null,
    email: null,
    city: null,
    service: null,
    wish: null,
    pageUrl: null,
    utm: {},
    ...details,
  },
  ...change,
})

const decided = (state: Lead, data: LeadReceipt) => {
  const decision = lead.decide(state, { type: 'ReceiveLead', data })
  assert.equal(decision.tag, 'accepted')
  return decision.tag === 'accepted' ? decision.events : []
}
const after = (state: Lead, data: LeadReceipt): Lead => decided(state, data).reduce(lead.evolve, state)

describe('a lead', () => {
  it('is received once, however often it comes', () => {
    const first = receipt({ phone: '+79090751580', name: 'Олег' })
    const known = after(lead.initial, first)
    assert.deepEqual(decided(known, first), [])
    assert.deepEqual(decided(known, receipt({ phone: '+79120000000' }, { via: 'pull' })), [], 'what is known stays')
  })

  it('is completed by what comes later; the bot words the wish anew', () => {
    const known = after(lead.initial, receipt({ phone: '+79090751580', wish: 'Здравствуйте' }, { via: 'dialog' }))
    const [added] = decided(known, receipt({ city: 'Ярославль', wish: 'Дом 120 м²' }, { via: 'bot' }))
    assert.equal(added?.type, 'LeadDetailsAdded')
    assert.deepEqual(
      [added?.data.phone, added?.data.city, added?.data.wish],
      ['+79090751580', 'Ярославль', 'Дом 120 м²'],
    )
    const [byPull] = decided(known, receipt({ wish: 'Другое', email: 'oleg@example.ru' }, { via: 'pull' }))
    assert.equal(byPull?.data.wish, 'Здравствуйте')
  })

  it('claims its number at the source, so that hook and pull meet', () => {
    const [event] = decided(lead.initial, receipt({ phone: '+79090751580' }))
    assert.ok(event)
    assert.deepEqual(leadClaims(lead.initial, event), { take: ['lead:flexbe:8123456'], release: [] })
    const [nameless] = decided(lead.initial, receipt({}, { externalId: null }))
    assert.ok(nameless)
    assert.deepEqual(leadClaims(lead.initial, nameless).take, [])
  })

  it('is shown as new with its details', () => {
    const seen = (type: string, data: Readonly<Record<string, unknown>>, position: number) => ({
      position,
      eventId: String(position),
      stream: `lead-${id}`,
      subject: id,
      type,
      data,
      recordedAt: at,
    })
    const [event] = decided(lead.initial, receipt({ phone: '+79090751580', utm: { source: 'yandex' } }))
    assert.ok(event)
    const row = leads.fold(null, seen(event.type, event.data, 1))
    assert.deepEqual(
      [row?.status, row?.phone, row?.utm, row?.offers],
      ['new', '+79090751580', { source: 'yandex' }, []],
    )
    const more = leads.fold(row, seen('LeadDetailsAdded', { ...event.data, city: 'Рыбинск' }, 2))
    assert.deepEqual([more?.city, more?.createdAt, more?.position], ['Рыбинск', at, 2])
  })
})
