import process from 'node:process'
import { Elysia } from 'elysia'
import postgres from 'postgres'

// The least that a durable acknowledgement can cost: a plain Elysia route that inserts the body by one pooled INSERT and answers.
// `httpPlain.ts URL` prints the port.

const [url = ''] = process.argv.slice(2)
const sql = postgres(url, { max: 12, onnotice: () => {} })
await sql`create table if not exists plain_inbox (id bigint generated always as identity primary key, body bytea not null, at timestamptz not null default now())`

new Elysia()
  .post(
    '/hook',
    async ({ body }) => {
      await sql`insert into plain_inbox (body) values (${Buffer.from(body as ArrayBuffer)})`
      return { code: 0 }
    },
    { parse: 'arrayBuffer' },
  )
  .listen({ port: 0, hostname: '127.0.0.1' }, ({ port }) => console.log(port))
process.on('SIGTERM', () => process.exit(0))
