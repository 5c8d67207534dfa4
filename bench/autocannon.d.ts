/** The part of autocannon that the bench uses; the package brings no types. */
declare module 'autocannon' {
  type Request = { method?: string; path?: string; body?: string; headers?: Record<string, string> }
  type Options = {
    url: string
    connections: number
    duration: number
    overallRate?: number
    requests: { method: string; setupRequest: (request: Request) => Request }[]
  }
  type Result = {
    '2xx': number
    non2xx: number
    errors: number
    duration: number
    latency: { p50: number; p99: number; p99_9: number }
  }
  const autocannon: (options: Options) => Promise<Result>
  export = autocannon
}
