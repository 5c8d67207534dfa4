/** An answer by RFC 9457: a kebab code, a title, and a sentence without anything that the caller or a person said. */
export type Problem = { readonly status: number; readonly code: string; readonly detail: string }

const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Refused',
  413: 'Too large',
  415: 'Wrong media type',
  422: 'Cannot be processed',
  429: 'Too many requests',
  500: 'Internal failure',
  503: 'Not available',
  504: 'Not in time',
}

/** Headers of every answer of the API. */
export const apiHeaders = { 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' } as const

/** Makes the answer of a problem. */
export const problemResponse = (
  { status, code, detail }: Problem,
  headers: Readonly<Record<string, string>> = {},
): Response =>
  new Response(
    JSON.stringify({
      type: `https://xn----7sblg6ajc1e4b.xn--p1ai/problems/${code}`,
      title: titles[status] ?? 'Problem',
      status,
      detail,
      code,
    }),
    {
      status,
      headers: { 'Content-Type': 'application/problem+json', ...apiHeaders, ...headers },
    },
  )

/** A problem that is thrown to the door of the API, which answers it. */
export const problem = (status: number, code: string, detail: string): Error & { readonly problem: Problem } =>
  Object.assign(new Error(detail), { problem: { status, code, detail } })

/** The problem that an error carries; null for a fault of ours. */
export const problemOf = (error: unknown): Problem | null =>
  error instanceof Error && 'problem' in error ? (error.problem as Problem) : null

/** A JSON answer of the API. */
export const jsonAnswer = (body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { 'Content-Type': 'application/json; charset=utf-8', ...apiHeaders, ...headers },
  })
