import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { leads } from '../../projections/leads.ts'
import { leadId, offerId, partnerId } from '../../src/domain/ids.ts'
import {
  type Lead,
  type LeadCommand,
  type LeadDetails,
  type LeadReceipt,
  lead,
  leadClaims,
} from '../../src/domain/lead.ts'
import { instant, plusMs } from '../../src/kernel/time.ts'

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
    assert.ok(added?.type === 'LeadDetailsAdded')
    assert.deepEqual([added.data.phone, added.data.city, added.data.wish], ['+79090751580', 'Ярославль', 'Дом 120 м²'])
    const [byPull] = decided(known, receipt({ wish: 'Другое', email: 'oleg@example.ru' }, { via: 'pull' }))
    assert.equal(byPull?.type === 'LeadDetailsAdded' ? byPull.data.wish : null, 'Здравствуйте')
  })

  it('claims its number at the source, so that hook and pull meet', () => {
    const [event] = decided(lead.initial, receipt({ phone: '+79090751580' }))
    assert.ok(event)
    assert.deepEqual(leadClaims(lead.initial, event), { take: ['lead:flexbe:8123456'], release: [] })
    const [nameless] = decided(lead.initial, receipt({}, { externalId: null }))
    assert.ok(nameless)
    assert.deepEqual(leadClaims(lead.initial, nameless).take, [])
  })

  it('is offered to one partner at a time, and to each once', () => {
    const [maria, oleg] = ['1', '2'].map((n) => partnerId(`0191e0c2-0000-7000-8000-00000000000${n}`))
    assert.ok(maria && oleg)
    const known = after(lead.initial, receipt({ phone: '+79090751580' }))
    const say = (state: Lead, command: LeadCommand): { state: Lead; said: string } => {
      const decision = lead.decide(state, command)
      const events = decision.tag === 'accepted' ? decision.events : []
      const said = decision.tag === 'accepted' ? events.map((event) => event.type).join() : decision.code
      return { state: events.reduce(lead.evolve, state), said }
    }
    const offer = (n: string, to: typeof maria): LeadCommand => ({
      type: 'OfferLead',
      data: { at, offerId: offerId(`0191e0c2-0000-7000-8000-0000000000a${n}`), partnerId: to },
    })
    const reply = (n: string, answer: 'accept' | 'decline', hours = 0): LeadCommand => ({
      type: 'AnswerOffer',
      data: { at: plusMs(at, hours * 3_600_000), offerId: offerId(`0191e0c2-0000-7000-8000-0000000000a${n}`), answer },
    })
    const steps = [
      offer('1', maria),
      offer('2', oleg),
      reply('1', 'decline'),
      reply('1', 'accept'),
      offer('3', maria),
      offer('4', oleg),
      reply('4', 'accept', 23),
      reply('4', 'accept', 25),
      reply('4', 'decline', 1),
      reply('9', 'accept'),
    ]
    const said: string[] = []
    steps.reduce((state, command) => {
      const next = say(state, command)
      said.push(next.said)
      return next.state
    }, known)
    const none = ''
    assert.deepEqual(said, [
      'LeadOffered',
      none,
      'OfferDeclined',
      'offer-ended',
      none,
      'LeadOffered',
      'OfferAccepted',
      none,
      'offer-ended',
      'offer-unknown',
    ])
    const late = say(say(known, offer('1', maria)).state, reply('1', 'accept', 24))
    assert.equal(late.said, 'offer-ended')
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
