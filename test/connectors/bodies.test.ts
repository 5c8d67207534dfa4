import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { mediaType, parseFormBody, parseJsonBody, parseQuery } from '../../src/connectors/bodies.ts'
import {
  type BodyFields,
  bodyLimits,
  bodyListAt,
  bodyTextAt,
  bodyValueAt,
  canonicalBody,
  type ParsedBody,
} from '../../src/connectors/bodyValues.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const form = (text: string): ParsedBody => parseFormBody(bytes(text))
const json = (text: string): ParsedBody => parseJsonBody(bytes(text))
const fieldsOf = (parsed: ParsedBody): BodyFields => {
  if (parsed.tag === 'fields') return parsed.fields
  throw new Error(`Expected fields, got "${parsed.code}"`)
}
const plain = (parsed: ParsedBody): unknown => JSON.parse(JSON.stringify(fieldsOf(parsed)))
const codeOf = (parsed: ParsedBody): string => (parsed.tag === 'unreadable' ? parsed.code : 'fields')
const flagsOf = (parsed: ParsedBody): readonly string[] => (parsed.tag === 'fields' ? parsed.flags : [])

describe('parseFormBody', () => {
  it('reads Cyrillic names and values, plus signs as blanks', () =>
    assert.deepEqual(plain(form('%D0%98%D0%BC%D1%8F=+%D0%9F%D1%91%D1%82%D1%80+&a=b%2Bc')), {
      Имя: ' Пётр ',
      a: 'b+c',
    }))
  it('reads letters that were sent without encoding', () => assert.deepEqual(plain(form('Имя=Пётр')), { Имя: 'Пётр' }))
  it('builds nested fields and lists from bracket keys', () =>
    assert.deepEqual(plain(form('p[id]=7&p[items][0][name]=a&p[items][1][name]=b&t[]=x&t[]=y')), {
      p: { id: '7', items: [{ name: 'a' }, { name: 'b' }] },
      t: ['x', 'y'],
    }))
  it('orders list items by their index', () => assert.deepEqual(plain(form('t[1]=b&t[0]=a')), { t: ['a', 'b'] }))
  it('keeps both values of a repeated key and flags it', () => {
    const parsed = form('key=right&key=wrong')
    assert.deepEqual(plain(parsed), { key: ['right', 'wrong'] })
    assert.deepEqual(flagsOf(parsed), ['repeated:key'])
  })
  it('keeps the first meaning of conflicting keys and flags them', () => {
    const parsed = form('a=1&a[b]=2&c[d]=3&c=4')
    assert.deepEqual(plain(parsed), { a: '1', c: { d: '3' } })
    assert.deepEqual(flagsOf(parsed), ['conflicting:a[b]', 'conflicting:c'])
  })
  it('takes a key with unmatched brackets as one plain name', () =>
    assert.deepEqual(plain(form('a%5Bb=1&%5Bx%5D=2')), { 'a[b': '1', '[x]': '2' }))
  it('puts U+FFFD for a broken escape in a value and flags it (R9)', () => {
    const parsed = form('Name=%E0%A4%A&Phone=1')
    assert.equal(bodyTextAt(fieldsOf(parsed), 'Phone'), '1')
    assert.match(bodyTextAt(fieldsOf(parsed), 'Name') ?? '', /\ufffd/)
    assert.deepEqual(flagsOf(parsed), ['broken-value:Name'])
  })
  it('refuses a broken escape in a name (R9)', () => {
    assert.equal(codeOf(form('%E0%A4%A=1&b=2')), 'broken-name')
    assert.equal(codeOf(form('%FF=1')), 'broken-name')
    assert.equal(codeOf(form('100%=1')), 'broken-name')
  })
  it('takes an honest U+FFFD for what it is', () => {
    const parsed = form('a=%EF%BF%BD')
    assert.deepEqual([plain(parsed), flagsOf(parsed)], [{ a: '\ufffd' }, []])
  })
  it('drops NUL', () => assert.deepEqual(plain(form('a%00b=c%00d')), { ab: 'cd' }))
  it('never assigns names that reach a prototype (R10)', () => {
    const parsed = form('__proto__[admin]=1&constructor[prototype][x]=1&a[__proto__]=1&__pro%00to__[y]=1&b=2')
    assert.deepEqual(plain(parsed), { b: '2' })
    assert.equal(Object.getPrototypeOf(fieldsOf(parsed)), null)
    assert.equal(Reflect.get({}, 'admin'), undefined)
    assert.deepEqual(flagsOf(parsed), ['forbidden'])
  })
  it('refuses a body in which nothing else is left (R10)', () =>
    assert.equal(codeOf(form('__proto__[admin]=1&constructor[prototype][x]=1')), 'no-fields'))
  it('refuses an empty body (R11)', () => {
    for (const body of ['', '&&', '=']) assert.notEqual(codeOf(form(body)), 'fields')
    assert.equal(codeOf(form('')), 'empty-body')
  })
  it('takes 200 fields and refuses 201 (R8)', () => {
    const pairs = (count: number) => Array.from({ length: count }, (_, n) => `f${n}=1`).join('&')
    assert.equal(codeOf(form(pairs(200))), 'fields')
    assert.equal(codeOf(form(pairs(201))), 'too-many-fields')
  })
  it('takes a name of 200 and refuses 201 (R8)', () => {
    assert.equal(codeOf(form(`${'n'.repeat(200)}=1`)), 'fields')
    assert.equal(codeOf(form(`${'n'.repeat(201)}=1`)), 'name-too-long')
  })
  it('takes a value of 16 KiB and refuses one byte more', () => {
    assert.equal(codeOf(form(`a=${'x'.repeat(16_384)}`)), 'fields')
    assert.equal(codeOf(form(`a=${'x'.repeat(16_385)}`)), 'value-too-long')
  })
  it('takes five levels and refuses six (R7)', () => {
    assert.equal(codeOf(form('a[b][c][d][e]=1')), 'fields')
    assert.equal(codeOf(form('a[b][c][d][e][f]=1')), 'too-deep')
  })
  it('takes 100 list items and refuses 101', () => {
    const items = (count: number) => Array.from({ length: count }, () => 'a[]=1').join('&')
    assert.equal(bodyListAt(fieldsOf(form(items(100))), 'a').length, 100)
    assert.equal(codeOf(form(items(101))), 'list-too-long')
  })
  it('never throws, whatever the bytes (R9)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        const parsed = parseFormBody(body)
        if (parsed.tag === 'fields') assert.equal(canonicalBody(parsed.fields).isWellFormed(), true)
      }),
      { seed: 7 },
    )
  })
  it('reads back what URLSearchParams wrote', () => {
    const name = fc.stringMatching(/^[a-zа-я]{1,8}$/u)
    fc.assert(
      fc.property(
        fc.uniqueArray(name, { maxLength: 9, minLength: 1 }),
        fc.string({ unit: 'grapheme' }),
        (names, value) => {
          const sent = new URLSearchParams(names.map((key) => [key, value]))
          const kept = value.replaceAll('\u0000', '')
          assert.deepEqual(plain(form(String(sent))), Object.fromEntries(names.map((key) => [key, kept])))
        },
      ),
      { seed: 7 },
    )
  })
})

describe('parseQuery', () => {
  it('reads a query like a form', () =>
    assert.deepEqual(plain(parseQuery('tool=find_partners&city=%D0%AF')), { tool: 'find_partners', city: 'Я' }))
})

describe('parseJsonBody', () => {
  it('reads values of every kind', () =>
    assert.deepEqual(plain(json(' {"a":"b","n":1.5,"t":true,"z":null,"l":[1,{"x":[]}]} ')), {
      a: 'b',
      n: 1.5,
      t: true,
      z: null,
      l: [1, { x: [] }],
    }))
  it('keeps as text a number that a double would change', () =>
    assert.deepEqual(plain(json('{"a":12345678901234567890,"b":4900.00,"c":-0,"d":1e3,"e":67918694}')), {
      a: '12345678901234567890',
      b: '4900.00',
      c: '-0',
      d: '1e3',
      e: 67918694,
    }))
  it('lets the last of two equal names stand and flags it', () => {
    const parsed = json('{"a":1,"a":2}')
    assert.deepEqual([plain(parsed), flagsOf(parsed)], [{ a: 2 }, ['repeated:a']])
  })
  it('makes NUL and lone surrogates storable', () =>
    assert.deepEqual(plain(json('{"a\\u0000b":"x\\u0000y\\ud83d","c":"\\ud83c\\udfe1"}')), { ab: 'xy\ufffd', c: '🏡' }))
  it('flags invalid UTF-8 in a value and refuses it in a name (R9)', () => {
    const damaged = (before: string, after: string) =>
      parseJsonBody(Uint8Array.from([...bytes(before), 0xff, ...bytes(after)]))
    const parsed = damaged('{"a":"x', '"}')
    assert.deepEqual([plain(parsed), flagsOf(parsed)], [{ a: 'x\ufffd' }, ['broken-value:a']])
    assert.equal(codeOf(damaged('{"a', '":1}')), 'broken-name')
  })
  it('refuses JSON cut short, and anything but an object at the top (R7)', () => {
    for (const text of ['{"a":1', '{"a"', '{', '{"a":1}x', "{'a':1}", '{"a":01}', '{"a":1,}', '{"a":"\u0001"}'])
      assert.equal(codeOf(json(text)), 'not-json', text)
    for (const text of ['[1]', '"a"', '1', 'null', 'true']) assert.equal(codeOf(json(text)), 'not-an-object', text)
  })
  it('takes five levels and refuses six (R7)', () => {
    assert.equal(codeOf(json('{"a":{"b":{"c":{"d":{"e":1}}}}}')), 'fields')
    assert.equal(codeOf(json('{"a":{"b":{"c":{"d":{"e":{"f":1}}}}}}')), 'too-deep')
    assert.equal(codeOf(json(`${'{"a":'.repeat(40_000)}1`)), 'too-deep')
    assert.equal(codeOf(json(`{"a":${'['.repeat(200_000)}`)), 'too-deep')
  })
  it('refuses too many fields, long names, long values and long lists (R8)', () => {
    const many = Object.fromEntries(Array.from({ length: 201 }, (_, n) => [`f${n}`, 1]))
    assert.equal(codeOf(json(JSON.stringify(many))), 'too-many-fields')
    assert.equal(codeOf(json(JSON.stringify({ ['n'.repeat(201)]: 1 }))), 'name-too-long')
    assert.equal(codeOf(json(JSON.stringify({ a: 'я'.repeat(8193) }))), 'value-too-long')
    assert.equal(codeOf(json(JSON.stringify({ a: Array(101).fill(1) }))), 'list-too-long')
  })
  it('reads a text full of escapes without exhausting the stack', () =>
    assert.equal(codeOf(json(`{"a":"${'\\n'.repeat(130_000)}"}`)), 'value-too-long'))
  it('never assigns names that reach a prototype (R10)', () => {
    const parsed = json('{"__proto__":{"admin":1},"a":{"constructor":{"prototype":1},"b":2}}')
    assert.deepEqual(plain(parsed), { a: { b: 2 } })
    assert.equal(Reflect.get({}, 'admin'), undefined)
    assert.equal(codeOf(json('{"__proto__":{"admin":1}}')), 'no-fields')
  })
  it('refuses an empty body (R11)', () => {
    assert.equal(codeOf(json('')), 'empty-body')
    assert.equal(codeOf(json(' \n')), 'empty-body')
    assert.equal(codeOf(json('{}')), 'no-fields')
  })
  it('reads what JSON.stringify wrote', () => {
    const value = fc.oneof(fc.string(), fc.boolean(), fc.constant(null), fc.array(fc.string(), { maxLength: 5 }))
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z]{1,9}$/), value, { minKeys: 1 }), (sent) => {
        const text = JSON.stringify(sent)
        assert.deepEqual(plain(json(text)), JSON.parse(text.replaceAll('\\u0000', '')))
      }),
      { seed: 7 },
    )
  })
  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        assert.ok(json(text).tag)
      }),
      { seed: 7 },
    )
  })
})

describe('canonicalBody', () => {
  it('is equal for equal content in another order', () =>
    assert.equal(
      canonicalBody(fieldsOf(json('{"b":[1,"x"],"a":{"d":null,"c":true}}'))),
      canonicalBody(fieldsOf(json('{"a":{"c":true,"d":null},"b":[1,"x"]}'))),
    ))
  it('differs for different content', () =>
    assert.notEqual(canonicalBody(fieldsOf(json('{"a":"1"}'))), canonicalBody(fieldsOf(json('{"a":1}')))))
})

describe('limits and accessors', () => {
  it('are those of our endpoints', () =>
    assert.deepEqual(bodyLimits, {
      fieldsMax: 200,
      nameLengthMax: 200,
      valueBytesMax: 16_384,
      depthMax: 5,
      listItemsMax: 100,
    }))
  it('read texts, ids and lists by path', () => {
    const fields = fieldsOf(json('{"a":{"id":67918694,"t":"x","l":["y"]}}'))
    assert.deepEqual(
      [bodyTextAt(fields, 'a', 'id'), bodyTextAt(fields, 'a', 't'), bodyTextAt(fields, 'a')],
      ['67918694', 'x', null],
    )
    assert.deepEqual(
      [bodyListAt(fields, 'a', 'l'), bodyListAt(fields, 'a', 't'), bodyListAt(fields, 'q')],
      [['y'], ['x'], []],
    )
    assert.equal(bodyValueAt(fields, 'toString'), undefined)
  })
  it('mediaType drops parameters and case', () => {
    assert.equal(mediaType('Application/JSON; charset=utf-8'), 'application/json')
    assert.equal(mediaType(undefined), '')
  })
})
