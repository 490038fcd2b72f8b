import { readFileSync, writeSync } from 'node:fs'
import * as nodeModule from 'node:module'
import { homedir } from 'node:os'
import { tuneForLogs } from './command/tune-engine.ts'

// Only what every call needs is imported above: the time from Enter to the first byte of output is spent here.

const args = process.argv.slice(2)
if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
  writeSync(1, `pith ${version()}\n`)
} else {
  // Before anything is compiled: compiled code is kept for the flags that hold.
  tuneForLogs()
  // Compiled code is kept between calls, in a folder that only this user can write to.
  const cache = process.env['XDG_CACHE_HOME'] ?? `${homedir()}/.cache`
  if (process.env['NODE_COMPILE_CACHE'] === undefined) nodeModule.enableCompileCache?.(`${cache}/pith/node`)
  const { main } = await import('./command/main.ts')
  process.exit(await main(args, version()))
}

function version(): string {
  const up = import.meta.url.includes('/dist/bundle/') ? '../..' : '..'
  const text = readFileSync(new URL(`${up}/package.json`, import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
