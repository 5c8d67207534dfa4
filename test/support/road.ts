import assert from 'node:assert/strict'
import { type Json, type RunningService, until } from './service.ts'

/** Fields of a registration form, as the twin's page sends them. */
export const form = (change: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  Компания: 'ООО «Пример Дом»',
  ИНН: '7700000009',
  Имя: 'Примерова Мария',
  Телефон: '+7 (912) 345-67-89',
  Почта: 'maria@example.ru',
  Город: 'Ярославль',
  Услуги: 'Ипотека; Оценка',
  Согласие: 'yes',
  hub_form: 'partner_registration',
  ...change,
})

/** Fills in the form of the partners' site; the twin sends the hook and tells our answer. */
export const submitForm = async (
  service: RunningService,
  fields: Readonly<Record<string, string>>,
): Promise<{ tranid: string; answer: { status: number; body: string } | null }> => {
  const response = await fetch(`${service.url}/sandbox/tilda/form`, {
    method: 'POST',
    headers: { accept: 'application/json' },
    body: new URLSearchParams(fields),
  })
  return response.json()
}

/** The partner with this INN, as soon as a condition holds. */
export const partnerWhen = async (
  service: RunningService,
  inn: string,
  condition: (partner: Json) => boolean,
  what: string,
): Promise<Json> => {
  let found: Json = null
  await until(async () => {
    const { body } = await service.get(`/api/v1/partners?inn=${encodeURIComponent(inn)}`)
    found = body.items?.[0]
    return found !== undefined && condition(found)
  }, `partner ${inn} to be ${what}`)
  return found
}

/** Letters to an address whose subject matches, as soon as there is one. */
export const letterTo = async (service: RunningService, to: string, subject: RegExp): Promise<Json> => {
  let letter: Json
  await until(async () => {
    const letters: Json[] = await (await fetch(`${service.url}/sandbox/mail/messages`)).json()
    letter = letters.findLast((candidate) => candidate.to === to && subject.test(candidate.subject))
    return letter !== undefined
  }, `a letter to ${to} about ${subject}`)
  return letter
}

/** The pay page's address out of the letter. */
export const payLink = (letter: Json): string => {
  const link = /https?:\S+\/pay\/[\w-]+/.exec(letter.text)?.[0]
  assert.ok(link, 'the letter holds a pay link')
  return link
}

/** Posts the pay page and answers the provider's address to which the payer is sent. */
export const askToPay = async (link: string, fields: Readonly<Record<string, string>> = {}): Promise<string> => {
  const response = await fetch(link, { method: 'POST', redirect: 'manual', body: new URLSearchParams(fields) })
  assert.equal(response.status, 303)
  return response.headers.get('location') ?? ''
}

/** Pays at the shop's twin by a test card. */
export const payAtYooKassa = (service: RunningService, location: string, card: string): Promise<Response> =>
  fetch(`${service.url}/sandbox/yookassa/act`, {
    method: 'POST',
    body: JSON.stringify({ paymentId: location.split('/').at(-1), card }),
  })

/** Pays at the terminal's twin by a test card. */
export const payAtCloudPayments = (service: RunningService, location: string, card: string): Promise<Response> =>
  fetch(`${service.url}/sandbox/cloudpayments/act`, {
    method: 'POST',
    body: JSON.stringify({ orderId: location.split('/').at(-1), card }),
  })

/** A card that both twins accept without questions. */
export const goodCard = '4111111111111111'
