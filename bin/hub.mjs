#!/usr/bin/env node
import { fileURLToPath } from 'node:url'
import { dieWithLauncher, findBun, runInPlace } from './binaries.mjs'

// The command `hub`. npm and a linked command start it under Node, which cannot read TypeScript: then Bun takes over.
if (process.versions.bun) {
  dieWithLauncher()
  await import('../src/cli/main.ts')
} else {
  runInPlace(findBun(), [fileURLToPath(import.meta.url), ...process.argv.slice(2)])
}
