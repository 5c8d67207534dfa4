import fc from 'fast-check'
import { everyChange, fresh, senders, to, unstorable, words } from './benchParts.ts'
import { keyName } from './tildaClassifier.ts'
import type { Bench } from './webhookBodies.ts'
import { known } from './webhookReading.ts'

/** Forms with the key in a header. */
export const tilda: Bench = {
  hook: 'tilda',
  medias: ['form', 'form', 'json'],
  valid: fc.record({ id: fresh, word: words }).map(({ id, word }) => [
    ['Name', word],
    ['Phone', `+7912${String(id).slice(-7)}`],
    ['Email', `${id}@example.ru`],
    ['Город', word],
    ['tranid', `7654321:${id}`],
    ['formid', 'form222'],
  ]),
  odd: {
    Phone: ['', 'нет', null],
    Email: ['@', 'x'.repeat(5000)],
    tranid: ['', unstorable, 'x'.repeat(300)],
    ИНН: ['7', {}],
  },
  mayDrop: ['Phone', 'Email', 'tranid'],
  changes: everyChange,
  senders: senders(
    [to('tilda/form', { 'x-api-key': known.key })],
    [to('tilda/form'), to('tilda/form', { 'x-api-key': 'k-test-2' }), to('tilda/form?X-Api-Key=k-test-1')],
  ),
}

/** The same forms with the key elsewhere, and the hook of pages. */
export const tildaWays: Readonly<Record<'tilda/field' | 'tilda/cookie' | 'tilda/page', Bench>> = {
  'tilda/field': {
    ...tilda,
    hook: 'tilda/field',
    valid: fc
      .tuple(tilda.valid, fc.constantFrom(known.key, known.key, known.key, known.key, 'k-test-2', ''))
      .map(([entries, key]) => [...entries, [keyName, key]]),
    odd: { ...tilda.odd, [keyName]: ['', 'k-test-2', null, [known.key, 'k-test-2'], {}] },
    mayDrop: [...tilda.mayDrop, keyName],
    senders: fc.constantFrom(to('tilda/form'), to('tilda/form'), to('tilda/form', { 'x-api-key': known.key })),
  },
  'tilda/cookie': {
    ...tilda,
    hook: 'tilda/cookie',
    senders: senders(
      [
        `${keyName}=${known.key}`,
        `a=b; ${keyName}=${known.key}; c=d`,
        `${keyName}=${known.key};${keyName}=${known.key}`,
      ].map((cookie) => to('tilda/form', { cookie })),
      [
        to('tilda/form'),
        to('tilda/form', { 'x-api-key': known.key }),
        ...[
          'a=b',
          `${keyName}=k-test-2`,
          `${keyName}=${known.key}; ${keyName}=k-test-2`,
          `x${keyName}=${known.key}`,
        ].map((cookie) => to('tilda/form', { cookie })),
      ],
    ),
  },
  'tilda/page': {
    hook: 'tilda/page',
    byQuery: true,
    medias: ['form'],
    valid: fresh.map((id) => [
      ['pageid', String(id % 1_000_000_000)],
      ['projectid', known.project],
      ['published', '1763900123'],
      ['publickey', known.publicKey],
    ]),
    odd: {
      pageid: ['../1', '0', '', ' 1', '01', '1e5', '1234567890123456789012', 'abc', unstorable],
      projectid: ['1', ''],
      publickey: ['OTHER', ''],
      published: ['', 'x', '99999999999999', '-1'],
    },
    mayDrop: ['pageid', 'projectid', 'published', 'publickey'],
    changes: ['drop', 'odd', 'odd', 'many'],
    senders: senders([to(`tilda/page/${known.key}`)], [to('tilda/page/k-test-2'), to(`tilda/page/${known.key}x`)]),
  },
}
