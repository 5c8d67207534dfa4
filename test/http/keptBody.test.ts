import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keptBody } from '../../src/http/keptBody.ts'

const kept = (text: string, fields: readonly string[] = ['api key']): string =>
  Buffer.from(keptBody(Buffer.from(text), fields)).toString()

describe('the kept bytes of a delivery', () => {
  it('are what came when no field carries a key', () => {
    assert.equal(kept('a=1&api+key=s', []), 'a=1&api+key=s')
    assert.equal(kept('a=%D0%B6&b=2'), 'a=%D0%B6&b=2')
  })

  it('lack the key, however its name is written, and keep every other byte', () => {
    assert.equal(kept('a=%FF&api+key=s3&b=+x'), 'a=%FF&b=+x')
    assert.equal(kept('api%20key=s3&a=1'), 'a=1')
    assert.equal(kept('{"a":1,"api key":"s3"}'), '{"a":1}')
  })

  it('are not kept when the key cannot be told from the rest', () => {
    assert.equal(kept('{"a":1,"api key":"s3"'), '')
  })
})
