import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

type File = { readonly path: string; readonly text: string; readonly imports: readonly string[] }

/** Paths below the root of all modules of the program, with what each imports, as written. */
const files: readonly File[] = ['src', 'projections'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const path = join(folder, name).replaceAll('\\', '/')
      const text = readFileSync(join(root, path), 'utf8')
      return { path, text, imports: importsOf(text) }
    }),
)

function importsOf(text: string): readonly string[] {
  const found = text.matchAll(
    /^\s*(?:import|export)\b[^'"\n]*?(?:\{[^}]*\})?[^'"\n]*?from\s+['"]([^'"]+)['"]|^\s*import\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm,
  )
  return [...found].map((match) => match[1] ?? match[2] ?? match[3] ?? '')
}

/** A relative import as a path below the root; null for a package. */
const target = (file: File, specifier: string): string | null =>
  specifier.startsWith('.') ? normalize(join(dirname(file.path), specifier)).replaceAll('\\', '/') : null

type Room =
  | 'kernel'
  | 'runtime'
  | 'domain'
  | 'config'
  | 'sql'
  | 'db'
  | 'log'
  | 'privacy'
  | 'engine'
  | 'couriers'
  | 'intake'
  | 'twins'
  | 'reactors'
  | 'projection'
  | 'projections'
  | 'http'
  | 'console'
  | 'sandbox'
  | 'cli'
  | 'main'

const roomOf = (path: string): Room => {
  const [top, folder = '', ...rest] = path.split('/')
  if (top === 'sql') return 'sql'
  // The shape of a read model is vocabulary, as the kernel is; the read models themselves know the domain.
  if (top === 'projections') return folder === 'projection.ts' ? 'projection' : 'projections'
  if (/^runtime\w*\.ts$/.test(folder)) return 'runtime'
  // The composition root is too long for one file: `compose` holds its parts.
  if (folder === 'main.ts' || folder === 'compose') return 'main'
  if (/^config\w*\.ts$/.test(folder)) return 'config'
  if (folder !== 'connectors') return folder as Room
  const name = rest.at(-1) ?? ''
  if (/^twin/.test(name) && rest.length > 1) return 'twins'
  return /^(intake|index)/.test(name) ? 'intake' : 'couriers'
}

/** Who may import whom. A room may always import itself, except that connectors stay in their own folder. */
const allowed: Readonly<Record<Room, readonly Room[] | 'everything'>> = {
  kernel: [],
  runtime: [],
  domain: ['kernel'],
  config: ['kernel'],
  sql: [],
  db: ['kernel', 'sql'],
  log: ['kernel', 'db', 'sql'],
  privacy: ['kernel', 'db', 'sql'],
  engine: ['kernel', 'db', 'log', 'privacy', 'sql', 'projection'],
  couriers: ['kernel'],
  intake: ['kernel', 'couriers', 'twins', 'domain'],
  twins: ['kernel', 'couriers'],
  reactors: ['kernel', 'domain', 'couriers', 'intake'],
  projection: ['kernel'],
  projections: ['kernel', 'domain', 'sql', 'projection'],
  // Lists are SQL over the read models, so the street door holds a pool of its own.
  http: ['kernel', 'domain', 'db', 'log', 'engine', 'projection', 'projections', 'couriers', 'intake', 'sql'],
  console: [
    'kernel',
    'domain',
    'db',
    'log',
    'engine',
    'projection',
    'projections',
    'couriers',
    'intake',
    'config',
    'http',
    'sql',
  ],
  sandbox: [
    'kernel',
    'domain',
    'db',
    'log',
    'engine',
    'projection',
    'projections',
    'couriers',
    'intake',
    'twins',
    'http',
  ],
  cli: 'everything',
  main: 'everything',
}

/** Packages of the rooms that decide; `node:` modules do IO or keep time, so none is here. */
const packages: Readonly<Partial<Record<Room, readonly string[]>>> = {
  kernel: [],
  domain: ['@sinclair/typebox', '@sinclair/typebox/value'],
  config: ['@sinclair/typebox', '@sinclair/typebox/value'],
  projection: [],
  projections: [],
  reactors: [],
}

/** Packages that only some rooms may know. */
const owners: Readonly<Record<string, readonly Room[]>> = {
  elysia: ['http', 'console', 'sandbox'],
  postgres: ['db', 'log'],
  nodemailer: ['couriers'],
  mjml: ['couriers'],
  ofetch: ['couriers'],
  commander: ['cli'],
  bun: [],
}

const isShared = (path: string): boolean => path.split('/').length === 3
const isConnector = (path: string): boolean => path.startsWith('src/connectors/')

/** Why an import may not be; null when it may. */
const objection = (from: string, to: string): string | null => {
  const here = roomOf(from)
  const there = roomOf(to)
  const rooms = allowed[here]
  if (rooms === undefined) return `${from} is in a room that the table does not know`
  if (rooms === 'everything') return null
  if (here !== there && !rooms.includes(there)) return `${from} (${here}) imports ${to} (${there})`
  if (!isConnector(from) || !isConnector(to) || from.endsWith('/connectors/index.ts')) return null
  if (!isShared(to) && dirname(from) !== dirname(to))
    return `${from} imports from the folder of another provider: ${to}`
  if (here === 'twins' && /\/(client|render)\.ts$/.test(to))
    return `${from} is a stand-in of the provider, but imports our courier ${to}`
  return null
}

/** Where a rule of words is broken, line by line; comments may say anything. */
const linesWith = (pattern: RegExp, among: (path: string) => boolean): readonly string[] =>
  files
    .filter((file) => among(file.path))
    .flatMap((file) =>
      file.text
        .split('\n')
        .map((line, index) => ({ line, where: `${file.path}:${index + 1}` }))
        .filter(({ line }) => !/^\s*(\/\/|\*|\/\*)/.test(line) && pattern.test(line))
        .map(({ line, where }) => `${where} ${line.trim()}`),
    )

const isPure = (path: string): boolean => {
  const room = roomOf(path)
  return (
    ['kernel', 'domain', 'projection', 'projections', 'reactors'].includes(room) ||
    /^src\/connectors\/.*\/(wire|intake)\w*\.ts$/.test(path)
  )
}

/** The first cycle of modules that a walk from each finds. */
const cycle = (): readonly string[] | null => {
  const graph = new Map(
    files.map((file) => [
      file.path,
      file.imports.map((specifier) => target(file, specifier)).filter((path) => path !== null),
    ]),
  )
  const done = new Set<string>()
  const walk = (path: string, trail: readonly string[]): readonly string[] | null => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path]
    if (done.has(path)) return null
    for (const next of graph.get(path) ?? []) {
      const found = walk(next, [...trail, path])
      if (found) return found
    }
    done.add(path)
    return null
  }
  for (const path of graph.keys()) {
    const found = walk(path, [])
    if (found) return found
  }
  return null
}

describe('architecture', () => {
  it('reads imports of every form, so that the rules below see something', () => {
    const text =
      "import a from './a.ts'\nimport {\n  b,\n  type C,\n} from './b.ts'\nexport { d } from './d.ts'\nimport './e.ts'\nconst f = await import('./f.ts')\nexport * from './g.ts'\nimport type { H } from './h.ts'"
    assert.deepEqual(importsOf(text), ['./a.ts', './b.ts', './d.ts', './e.ts', './f.ts', './g.ts', './h.ts'])
    assert.ok(files.length > 50)
    assert.ok(files.flatMap((file) => file.imports).length > files.length)
  })

  it('objects to an arrow that the table does not have', () => {
    assert.match(objection('src/engine/handle.ts', 'src/domain/partner.ts') ?? '', /engine.*domain/)
    assert.match(objection('src/connectors/fns/wire.ts', 'src/connectors/tilda/wire.ts') ?? '', /another provider/)
    assert.match(objection('src/connectors/fns/wire.ts', 'src/domain/ids.ts') ?? '', /couriers.*domain/)
    assert.match(objection('src/connectors/fns/twin.ts', 'src/connectors/fns/client.ts') ?? '', /courier/)
    assert.equal(objection('src/connectors/fns/intake.ts', 'src/domain/ids.ts'), null)
  })

  it('has only the arrows between rooms that the table allows', () => {
    const objections = files.flatMap((file) =>
      file.imports
        .map((specifier) => target(file, specifier))
        .filter((path) => path !== null)
        .map((path) => objection(file.path, path))
        .filter((text) => text !== null),
    )
    assert.deepEqual(objections, [])
  })

  it('lets only the rooms that own a package import it', () => {
    const objections = files.flatMap((file) => {
      const room = roomOf(file.path)
      if (room === 'main' || room === 'cli') return []
      return file.imports
        .filter((specifier) => !specifier.startsWith('.'))
        .filter((name) => !(packages[room]?.includes(name) ?? true) || !(owners[name]?.includes(room) ?? true))
        .map((name) => `${file.path} (${room}) imports ${name}`)
    })
    assert.deepEqual(objections, [])
  })

  it('has no cycles', () => {
    assert.equal(cycle()?.join(' → ') ?? null, null)
  })

  it('names the extension in every relative import', () => {
    const objections = files.flatMap((file) =>
      file.imports
        .filter((specifier) => specifier.startsWith('.') && !/\.(ts|json)$/.test(specifier))
        .map((specifier) => `${file.path} imports ${specifier}`),
    )
    assert.deepEqual(objections, [])
  })

  it('names Bun and Deno in runtime.ts only', () => {
    assert.deepEqual(
      linesWith(/\b(Bun|Deno)\.|\bin globalThis\b/, (path) => path !== 'src/runtime.ts'),
      [],
    )
  })

  it('gives rooms that decide no clock, no chance and no environment', () => {
    assert.deepEqual(
      linesWith(
        /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\brandomUUID\(|\bprocess\.|\bperformance\.now\(/,
        isPure,
      ),
      [],
    )
  })

  // An intake may ask what it is given, such as who holds an INN; it still does no IO of its own.
  it('waits for nothing in rooms that decide', () => {
    assert.deepEqual(
      linesWith(/\bawait\b|\basync\b/, (path) => isPure(path) && roomOf(path) !== 'intake'),
      [],
    )
  })
})
