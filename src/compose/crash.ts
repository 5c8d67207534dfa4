import type { Env } from '../config.ts'

/**
 * Places where a crash test ends the process: `HUB_TEST_CRASH=append:after-commit:3` kills it at the third passage. Only in the
 * sandbox; anything else makes every place do nothing.
 */
export const crashPoints = (env: Env, mode: 'sandbox' | 'production'): ((name: string) => void) => {
  const match = /^([a-z]+:[a-z-]+):(\d+)$/.exec(env.HUB_TEST_CRASH ?? '')
  if (!match || mode !== 'sandbox') return () => {}
  let left = Number(match[2])
  return (name) => {
    if (name !== match[1]) return
    left -= 1
    if (left === 0) process.kill(process.pid, 'SIGKILL')
  }
}
