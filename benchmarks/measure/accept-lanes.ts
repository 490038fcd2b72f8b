/** Sections that measure no time, run beside each other in processes of their own. */
import { spawn } from 'node:child_process'
import type { Accept } from './accept.ts'

/** Lanes that run at a time. */
const BESIDE = 2

/** What a run counts. */
export interface Counts {
  readonly passed: number
  readonly failed: number
}

/** Names of the sections of each lane, in the order of the first of them. */
export function lanesOf({ sections }: Accept, wanted: (name: string) => boolean): string[][] {
  const lanes = new Map<string, string[]>()
  for (const [name, { lane }] of Object.entries(sections)) {
    if (lane === undefined || !wanted(name)) continue
    const own = lanes.get(lane)
    if (own === undefined) lanes.set(lane, [name])
    else own.push(name)
  }
  return [...lanes.values()]
}

/**
 * Run lanes, {@link BESIDE} at a time. What a lane says is written when it ends.
 *
 * @param commandOf  the command line that runs these sections and ends with a line `N passed, M failed`
 */
export async function runLanes(
  lanes: readonly (readonly string[])[],
  commandOf: (sections: readonly string[]) => readonly string[],
  write: (text: string) => void,
): Promise<Counts> {
  const counts = { passed: 0, failed: 0 }
  const left = [...lanes]
  const runNext = async (): Promise<void> => {
    for (let sections = left.shift(); sections !== undefined; sections = left.shift()) {
      const said = await outputOf(commandOf(sections))
      const from = Math.max(0, said.indexOf('# '))
      const closing = /^(\d+) passed, (\d+) failed$/m.exec(said)
      write(said.slice(from, closing?.index))
      counts.passed += Number(closing?.[1] ?? 0)
      counts.failed += Number(closing?.[2] ?? 1)
      if (closing === null) write(`FAIL  ${sections.join(', ')}: the run ended early\n`)
    }
  }
  await Promise.all(Array.from({ length: BESIDE }, runNext))
  return counts
}

/** What a command writes, to both of its streams. */
async function outputOf([program = '', ...words]: readonly string[]): Promise<string> {
  const child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  const parts: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => void parts.push(part))
  await new Promise<void>((resolve, reject) => child.on('error', reject).on('close', () => resolve()))
  return Buffer.concat(parts).toString()
}
