import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import {
  isJsonList,
  isJsonMap,
  isJsonNumber,
  type JsonNode,
  parseStrictJson,
  stableJson,
} from '../../src/connectors/strictJson.ts'

const plain = (node: JsonNode): unknown => {
  if (isJsonNumber(node)) return Number(node.digits)
  if (isJsonList(node)) return node.map(plain)
  return isJsonMap(node) ? Object.fromEntries([...node].map(([key, value]) => [key, plain(value)])) : node
}

describe('parseStrictJson()', () => {
  it('agrees with JSON.parse on what both take', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        const parsed = parseStrictJson(text)
        if (parsed !== null) assert.deepEqual(JSON.stringify(plain(parsed[0])), JSON.stringify(JSON.parse(text)))
      }),
      { seed: 20261124, numRuns: 500 },
    )
  })
  it('takes nothing that JSON.parse refuses', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:01.e-tfn\\u \n') }), (text) => {
        if (parseStrictJson(text) !== null) JSON.parse(text)
      }),
      { seed: 20261124, numRuns: 2000 },
    )
  })
  it('keeps the text of numbers', () => {
    assert.deepEqual(parseStrictJson('12345678901234567890123')?.[0], { digits: '12345678901234567890123' })
    assert.deepEqual(parseStrictJson(' [1990.00] ')?.[0], [{ digits: '1990.00' }])
  })
  it('tells null from no JSON', () => {
    assert.deepEqual(parseStrictJson('null'), [null])
    assert.equal(parseStrictJson('nul'), null)
  })
  for (const text of ['', '{"a":1,}', '[1,]', '{"a":1,"a":2}', '01', '1.', '"\u0001"', '{"a" 1}', '[1]x', '{"a":}']) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(parseStrictJson(text), null))
  }
  it('refuses deep nesting without exhausting the stack', () => {
    assert.equal(parseStrictJson('['.repeat(100_000)), null)
    assert.equal(parseStrictJson('{"a":'.repeat(100_000)), null)
  })
  it('does not touch prototypes (S14)', () => {
    const parsed = parseStrictJson('{"__proto__":{"polluted":true}}')?.[0]
    assert.equal(isJsonMap(parsed) && parsed.has('__proto__'), true)
    assert.equal(Object.hasOwn(Object.prototype, 'polluted'), false)
  })
})

describe('stableJson()', () => {
  it('is equal for equal content in another order', () => {
    const texts = ['{"a":[1.50,"x"],"b":null}', '{ "b" : null, "a" : [1.50, "\\u0078"] }'].map((text) => {
      const parsed = parseStrictJson(text)
      return parsed && stableJson(parsed[0])
    })
    assert.deepEqual(texts[0], texts[1])
    assert.equal(texts[0], '{"a":[1.50,"x"],"b":null}')
  })
})
