import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { findBun, runInPlace } from '../bin/binaries.mjs'

// The bench has dependencies of its own, the peers that it compares with: they are installed when it is first run.

const here = fileURLToPath(new URL('.', import.meta.url))

if (!existsSync(new URL('node_modules/pg-boss/package.json', import.meta.url))) {
  console.error('Installing what the bench compares with …')
  const options = { cwd: here, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' }
  const installed = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], options)
  if (installed.status !== 0) process.exit(installed.status ?? 1)
}

runInPlace(findBun(), [fileURLToPath(new URL('main.ts', import.meta.url)), ...process.argv.slice(2)])
