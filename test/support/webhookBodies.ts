import fc from 'fast-check'
import type { HookName, Sent } from './webhookReading.ts'

/** Names with values in the order of sending, so that a name can come twice. */
export type Entries = readonly (readonly [string, unknown])[]

type Media = 'form' | 'json'

/** How a hook is fuzzed. */
export type Bench = {
  readonly hook: HookName
  readonly medias: readonly Media[]
  readonly valid: fc.Arbitrary<Entries>
  /** Values that make a difference, by the name that they take. */
  readonly odd: Readonly<Record<string, readonly unknown[]>>
  /** Names that may go missing; the documents leave the others open. */
  readonly mayDrop: readonly string[]
  /** Changes that the documents judge; what they leave open is not sent. */
  readonly changes: readonly Change[]
  readonly senders: fc.Arbitrary<Sender>
  /** Everything goes in the query, by GET. */
  readonly byQuery?: true
}

/** What is changed in a valid body. */
export type Change = 'drop' | 'odd' | 'repeat' | 'deep' | 'many' | 'forbidden' | 'long-name'

/** Where a body is sent, and with which proof. */
export type Sender = (
  body: Uint8Array,
  media: string,
) => { readonly path: string; readonly headers: Readonly<Record<string, string>> }

const types = { form: 'application/x-www-form-urlencoded', json: 'application/json' }

/** Deliveries to a hook: valid ones, spoiled ones, and ones of strangers. */
export const deliveriesOf = (bench: Bench): fc.Arbitrary<Sent> => (bench.byQuery ? queriesOf(bench) : bodiesOf(bench))

const bodiesOf = (bench: Bench): fc.Arbitrary<Sent> => {
  const { hook } = bench
  const changed = fc.oneof(
    { weight: 2, arbitrary: bench.valid },
    { weight: 3, arbitrary: bench.valid.chain((entries) => changedEntries(bench, entries)) },
  )
  const bodies = fc.tuple(fc.constantFrom(...bench.medias), changed).map(([media, entries]) => ({
    media,
    body: new TextEncoder().encode(media === 'form' ? formText(entries) : jsonText(entries)),
  }))
  const otherMedias = hook.startsWith('tilda') || hook.startsWith('cloudpayments') ? otherTypes : []
  return fc
    .record({ base: bodies, spoil: spoiling, otherMedia: seldom(otherMedias), sender: bench.senders })
    .map(({ base, spoil, otherMedia, sender }) => {
      const body = Uint8Array.from(spoil(base.body))
      const media = otherMedia ?? types[base.media]
      const { path, headers } = sender(body, media.replace(/;.*/, ''))
      return { hook, path, headers: { 'content-type': media, ...headers }, body }
    })
}

/** Pieces that no honest query holds; an address carries them as they are. */
const oddPieces = ['%E0%A4%A', '%zz', '&&', '=', '%00', '+', '&&&=&']

const queriesOf = (bench: Bench): fc.Arbitrary<Sent> => {
  const { hook } = bench
  const entries = fc.oneof(
    { weight: 2, arbitrary: bench.valid },
    { weight: 3, arbitrary: bench.valid.chain((valid) => changedEntries(bench, valid)) },
  )
  const spoil = fc.oneof(
    { weight: 12, arbitrary: fc.constant((query: string) => query) },
    { weight: 2, arbitrary: fc.nat(1000).map((at) => (query: string) => query.slice(0, (query.length * at) / 1000)) },
    {
      weight: 2,
      arbitrary: fc.tuple(fc.nat(1000), fc.constantFrom(...oddPieces)).map(([at, piece]) => (query: string) => {
        const place = Math.trunc((query.length * at) / 1000)
        return `${query.slice(0, place)}${piece}${query.slice(place)}`
      }),
    },
  )
  return fc.record({ entries, spoil, sender: bench.senders }).map((made) => {
    const { path, headers } = made.sender(new Uint8Array(), '')
    const query = made.spoil(formText(made.entries))
    const [place, own] = path.split('?')
    return {
      hook,
      method: 'GET',
      path: `${place}?${[query, ...(own ? [own] : [])].join('&')}`,
      headers,
      body: new Uint8Array(),
    }
  })
}

const otherTypes = ['text/xml', 'multipart/form-data; boundary=x', 'text/plain', types.form, types.json]

/** One of the values now and then, else null. */
const seldom = <T>(values: readonly T[]): fc.Arbitrary<T | null> =>
  values.length === 0
    ? fc.constant(null)
    : fc.oneof({ weight: 7, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.constantFrom(...values) })

const formText = (entries: Entries): string =>
  entries.map(([name, value]) => `${escaped(name)}=${escaped(String(value))}`).join('&')

const escaped = (text: string): string => encodeURIComponent(text.toWellFormed()).replaceAll('%20', '+')

/** Written by hand: a name that comes twice has no object. */
const jsonText = (entries: Entries): string =>
  `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`

const nested = (depth: number): unknown => (depth === 0 ? [] : [nested(depth - 1)])

const changedEntries = (bench: Bench, entries: Entries): fc.Arbitrary<Entries> =>
  fc.tuple(fc.constantFrom(...bench.changes), fc.nat(1000)).map(([change, at]) => {
    const names = Object.keys(bench.odd)
    const name = names[at % names.length] ?? ''
    const values = bench.odd[name] ?? []
    const repeated = entries[at % entries.length] ?? ['a', 1]
    switch (change) {
      case 'drop':
        return entries.filter(([own]) => own !== bench.mayDrop[at % bench.mayDrop.length])
      case 'odd':
        return [...entries.filter(([own]) => own !== name), [name, values[at % values.length]]]
      case 'repeat':
        return [...entries, at % 2 === 0 ? repeated : [repeated[0].toUpperCase(), repeated[1]]]
      case 'deep':
        return [...entries, at % 2 === 0 ? [`a${'[b]'.repeat(44)}`, nested(44)] : ['a[b][c]', nested(1)]]
      case 'many':
        return [
          ...entries,
          ...Array.from({ length: at % 2 === 0 ? 600 : 100 }, (_, index) => [`n${index}`, 'x'] as const),
        ]
      case 'forbidden':
        return [...(at % 2 === 0 ? entries : []), ['__proto__', '1'], ['constructor[prototype][x]', '1']]
      default:
        return [...entries, ['n'.repeat(at % 2 === 0 ? 201 : 200), 'x']]
    }
  })

/** What happens to bytes on the way. */
const spoiling: fc.Arbitrary<(body: Uint8Array) => Uint8Array> = fc.oneof(
  { weight: 12, arbitrary: fc.constant((body: Uint8Array) => body) },
  { weight: 2, arbitrary: fc.nat(1000).map((at) => (body: Uint8Array) => body.subarray(0, (body.length * at) / 1000)) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.nat(1000), fc.uint8Array({ minLength: 1, maxLength: 3 }))
      .map(([at, bytes]) => (body: Uint8Array) => {
        const place = Math.trunc((body.length * at) / 1000)
        return new Uint8Array([...body.subarray(0, place), ...bytes, ...body.subarray(place + (at % 2) * bytes.length)])
      }),
  },
  { weight: 1, arbitrary: fc.constant(() => new Uint8Array()) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => () => bytes) },
)
