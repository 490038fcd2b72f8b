/** Processes that use one folder. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

function start(args: readonly (string | number)[]) {
  const script = join(import.meta.dirname, 'store-writer.ts')
  return spawn(process.execPath, ['--conditions=pith-dev', '--no-warnings', script, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

/** Run a writer to its end. @returns what it said */
export async function runWriter(folder: string, first: number, rounds: number, maxBytes: number): Promise<string> {
  const child = start([folder, first, rounds, maxBytes])
  const [said] = await Promise.all([text(child.stdout), once(child, 'exit')])
  return said
}

/** Run a writer until it has said something, and kill it some milliseconds later. @returns what it said until then */
export async function killWriter(folder: string, first: number, after: number, maxBytes: number): Promise<string> {
  const child = start([folder, first, 0, maxBytes])
  const said = text(child.stdout)
  await Promise.race([once(child.stdout, 'readable'), once(child, 'exit')])
  const gone = once(child, 'exit')
  setTimeout(() => child.kill('SIGKILL'), after)
  await gone
  return await said
}
