import { fakeApi, type Routes } from '../support/fakeApi.ts'
import { runHub } from '../support/runHub.ts'

/** Runs a command against a stand-in with canned answers, as an operator. */
export const against = async (routes: Routes, args: readonly string[], env: Readonly<Record<string, string>> = {}) => {
  const api = await fakeApi(routes)
  try {
    const run = await runHub(args, { HUB_URL: api.url, HUB_OPERATOR_TOKEN: 'op_token', ...env })
    return { ...run, seen: api.seen, url: api.url }
  } finally {
    await api.stop()
  }
}
