import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hmacBase64, proofOf } from '../../../src/connectors/cloudpayments/signature.ts'
import { cloudpaymentsHook } from '../../../src/connectors/cloudpayments/wire.ts'
import { delivery, secret, settings } from './deliveries.ts'
import vectors from './vectors.json' with { type: 'json' }

const bytes = (text: string) => new TextEncoder().encode(text)

const vector = (id: string) => {
  const found = vectors.find((item) => item.id === id)
  assert.ok(found, `Vector ${id} should exist`)
  return { ...found, xContentHmac: found.xContentHmac ?? '' }
}

const isForm = (item: { readonly contentType?: string }) => item.contentType !== 'application/json'

describe('proofOf() over the valid vectors', () => {
  for (const item of vectors) {
    it(`takes Content-HMAC of ${item.id} as proof`, () => {
      assert.equal(bytes(item.raw).length, item.bytes)
      const message = { raw: bytes(item.raw), form: isForm(item), contentHmac: [item.contentHmac], xContentHmac: [] }
      assert.deepEqual(proofOf(message, [item.secret]), { tag: 'content-hmac', secretNumber: 1 })
    })
    if (item.xContentHmac !== undefined) {
      it(`takes X-Content-HMAC alone of ${item.id} as a hint only`, () => {
        const message = {
          raw: bytes(item.raw),
          form: isForm(item),
          contentHmac: [],
          xContentHmac: [item.xContentHmac ?? ''],
        }
        assert.deepEqual(proofOf(message, [item.secret]), { tag: 'hint', secretNumber: 1 })
      })
    }
  }

  it('agrees with RFC 4231 case 2', () => {
    const mac = 'W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM='
    assert.equal(hmacBase64('what do ya want for nothing?', 'Jefe'), mac)
  })

  it('takes the second of two secrets during a change and tells which it was', () => {
    const { raw, contentHmac } = vector('V2')
    const message = { raw: bytes(raw), form: true, contentHmac: [contentHmac], xContentHmac: [] }
    assert.deepEqual(proofOf(message, ['new secret', secret]), { tag: 'content-hmac', secretNumber: 2 })
  })

  it('does not throw on the bad escape of V11 when only X-Content-HMAC came', () => {
    const { raw, contentHmac } = vector('V11')
    const message = { raw: bytes(raw), form: true, contentHmac: [], xContentHmac: [contentHmac] }
    assert.deepEqual(proofOf(message, [secret]), { tag: 'none', code: 'signature-not-valid' })
  })

  it('finds no proof without any secret', () => {
    const { raw, contentHmac } = vector('V2')
    const message = { raw: bytes(raw), form: true, contentHmac: [contentHmac], xContentHmac: [''] }
    assert.equal(proofOf(message, []).tag, 'none')
  })
})

describe('cloudpaymentsHook.verify() over forged signatures', () => {
  const body = vector('V2').raw
  const right = vector('V2').contentHmac
  const refusedWith = (headers: Record<string, string | string[]>, text = body) =>
    cloudpaymentsHook.verify(delivery('pay', text, headers), settings)

  const refusals: readonly (readonly [string, Record<string, string | string[]>, string?])[] = [
    ['H1 no header', {}],
    ['H2 an empty value', { 'content-hmac': '' }],
    ['H3 hex', { 'content-hmac': '815a526f2a6f393f9da85793b16e1ae78352ef2ef3620842533ee8ab29992a63' }],
    [
      'H4 Base64 of hex',
      {
        'content-hmac': 'ODE1YTUyNmYyYTZmMzkzZjlkYTg1NzkzYjE2ZTFhZTc4MzUyZWYyZWYzNjIwODQyNTMzZWU4YWIyOTk5MmE2Mw==',
      },
    ],
    ['H5 base64url', { 'content-hmac': 'gVpSbypvOT-dqFeTsW4a54NS7y7zYghCUz7oqymZKmM=' }],
    ['H6 changed case', { 'content-hmac': 'gvpsbypvot+dqfetsw4a54ns7y7zyghcuz7oqymzkmm=' }],
    ['H7 the decoded MAC in the raw header', { 'content-hmac': 'vWYsz7Jk14GFzpzjDsOnWxRpTKEhZ6YKr3FAF4KB1DI=' }],
    ['H8 the raw MAC in the decoded header', { 'x-content-hmac': right }],
    ['H9 another secret', { 'content-hmac': 'fGKPY/3pkG6mJyJlsRVC2Lzu5icM5DMZQGge7OVAJZw=' }],
    ['H10 plain SHA-256', { 'content-hmac': '2mTZBrW9giHBwI94iyHBCxaVccOSA3qs5QkvB3vVQOE=' }],
    ['H11 HMAC-SHA1', { 'content-hmac': '4Uzjf8HiQPZcGZWxCToxVFFZNAM=' }],
    ['H12 a body with a newline', { 'content-hmac': 'clUq7mGu4RG8239NLRL6dVzUfsXZPAIrOKBJ352CsMk=' }],
    ['H13 a changed amount', { 'content-hmac': right }, body.replace('Amount=1990.00', 'Amount=1.00')],
    ['H14 a re-encoded body', { 'content-hmac': right }, vector('V3').raw],
    ['H15 two header lines', { 'content-hmac': [right, vector('V3').contentHmac] }],
    ['H15 two values in one line', { 'content-hmac': `${right}, ${vector('V3').contentHmac}` }],
    ['S1 a prefix', { 'content-hmac': right.slice(0, 20) }],
    ['S1 a blank around', { 'content-hmac': ` ${right}` }],
  ]
  for (const [title, headers, text] of refusals) {
    it(`refuses ${title} with 401`, () => {
      const verdict = refusedWith(headers, text)
      assert.equal(verdict.tag, 'refused')
      assert.equal(verdict.tag === 'refused' && verdict.status, 401)
    })
  }

  it('H16 refuses what another terminal signed', () => {
    const verdict = cloudpaymentsHook.verify(delivery('pay', body, { 'content-hmac': right }), {
      ...settings,
      apiSecrets: ['the secret of terminal B'],
    })
    assert.equal(verdict.tag, 'refused')
  })

  it('says which secret and which header proved it', () => {
    assert.deepEqual(refusedWith({ 'content-hmac': right }), { tag: 'authentic', secretName: 'content-hmac-1' })
    const hint = refusedWith({ 'x-content-hmac': vector('V2').xContentHmac })
    assert.deepEqual(hint, { tag: 'authentic', secretName: 'hint-1' })
  })

  it('answers 404 for a kind that does not exist', () => {
    const verdict = cloudpaymentsHook.verify(delivery('payout', body, { 'content-hmac': right }), settings)
    assert.deepEqual(verdict, { tag: 'refused', status: 404, code: 'unknown-kind' })
  })
})
