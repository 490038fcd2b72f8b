/**
 * `npm run accept -- [SYSTEM...] [--only SECTION,...] [--scale X] [--timings report] [--command FILE] [--cache DIR]`
 *
 * Checks what each system promises, as far as a machine can: `benchmarks/<system>.accept.ts`. One line a check with its
 * figure, closing line `N passed, N failed`. A figure that is known to be short of its target says `short`, with the reason;
 * it counts as neither, and one that is met after all must be taken off the list. With `--timings report`, for machines
 * that others use as well, figures of time and memory that miss their targets are told as `slow` and count as neither.
 *
 * @module
 */
import { globSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Accept, AcceptContext } from './measure/accept.ts'
import { dataFolder, NO_DATA } from './measure/data.ts'
import { describeMachine, ROOT } from './measure/machine.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    scale: { type: 'string' },
    timings: { type: 'string' },
    command: { type: 'string' },
    cache: { type: 'string' },
  },
})
const files = new Map(
  globSync('benchmarks/*.accept.ts', { cwd: ROOT }).map((path) => [basename(path, '.accept.ts'), join(ROOT, path)]),
)
const systems = positionals.length > 0 ? positionals : [...files.keys()]
const only = new Set(values.only?.split(','))
const scale = Number(values.scale ?? 1)
const unknown = systems.filter((name) => !files.has(name))
if (unknown.length > 0 || !(scale > 0)) {
  process.stderr.write(`accept: no system ${unknown.join(', ')}; there are ${[...files.keys()].join(', ')}\n`)
  process.exit(2)
}

const reportsTimings = values.timings === 'report'
let passed = 0
let failed = 0
const start = performance.now()
const seconds = (from: number) => `${((performance.now() - from) / 1000).toFixed(0)} s`
const { cpu, cores, memoryGiB, node } = describeMachine()
process.stdout.write(`${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}\n`)
if (scale !== 1)
  process.stdout.write(`sizes of generated files are scaled by ${scale}: this is a trial, no acceptance\n`)
if (dataFolder() === undefined) process.stdout.write(`${NO_DATA}\n`)

/** Tell a check of a section; see the head of this file for what is short and what is slow. */
function check(accept: Accept, section: string, name: string, ok: boolean, figure: string): void {
  const why = accept.shortfalls[name]
  if (ok) passed++
  else if (why !== undefined) {
    process.stdout.write(`short ${name}: ${figure}; ${why}\n`)
    return
  } else if (reportsTimings && (accept.timed.includes(section) || accept.timed.includes(name))) {
    process.stdout.write(`slow  ${name}: ${figure}\n`)
    return
  } else failed++
  process.stdout.write(`${ok ? 'pass' : 'FAIL'}  ${name}: ${figure}\n`)
}

for (const system of systems) {
  const { accept } = (await import(files.get(system)!)) as { accept: Accept }
  const sections = Object.entries(accept.sections)
  for (const name of only) {
    if (!sections.some(([known]) => known === name))
      check(accept, name, `section ${name}`, false, `${system} has none of this name`)
  }
  for (const [name, section] of sections) {
    if (only.size > 0 && !only.has(name)) continue
    if (section.needsData && dataFolder() === undefined) continue
    const from = performance.now()
    process.stdout.write(`# ${system}: ${name}\n`)
    const context: AcceptContext = {
      pith: [process.execPath, resolve(values.command ?? join(ROOT, 'packages/pith/bin/pith.js'))],
      cache: resolve(values.cache ?? join(ROOT, '.cache/bench')),
      scale,
      check: (own, ok, figure) => check(accept, name, own, ok, figure),
      say: (text) => void process.stdout.write(`${text.replace(/^/gm, '      ').trimEnd()}\n`),
    }
    try {
      await section.run(context)
    } catch (error) {
      check(accept, name, name, false, `ended by ${error instanceof Error ? error.message : String(error)}`)
      if (error instanceof Error && process.env['DEBUG']) process.stdout.write(`${error.stack}\n`)
    }
    process.stdout.write(`      ${seconds(from)}\n`)
  }
}
process.stdout.write(`${seconds(start)} in all\n${passed} passed, ${failed} failed\n`)
process.exit(failed > 0 || passed === 0 ? 1 : 0)
