/**
 * `npm run accept -- [SYSTEM...] [--only SECTION,...] [--scale X] [--timings report] [--command FILE] [--cache DIR]`
 *
 * Checks what each system promises, as far as a machine can: `benchmarks/<system>.accept.ts`. One line a check with its
 * figure, closing line `N passed, N failed`. A figure that is known to be short of its target says `short`, with the reason;
 * it counts as neither, and one that is met after all must be taken off the list. With `--timings report`, for machines
 * that others use as well, figures of time and memory that miss their targets are told as `slow` and count as neither; an
 * exception, a wrong byte or a wrong line fails in every run. Sections that measure no time run beside each other first.
 *
 * @module
 */
import { globSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Accept, runAccept } from './measure/accept.ts'
import { lanesOf, runLanes } from './measure/accept-lanes.ts'
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

const start = performance.now()
const { cpu, cores, memoryGiB, node } = describeMachine()
process.stdout.write(`${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}\n`)
if (scale !== 1)
  process.stdout.write(`sizes of generated files are scaled by ${scale}: this is a trial, no acceptance\n`)
if (dataFolder() === undefined) process.stdout.write(`${NO_DATA}\n`)

let passed = 0
let failed = 0
for (const system of systems) {
  const { accept } = (await import(files.get(system)!)) as { accept: Accept }
  const hasData = dataFolder() !== undefined
  const wanted = (name: string): boolean =>
    (only.size === 0 || only.has(name)) && (hasData || accept.sections[name]?.needsData === false)
  const lanes = lanesOf(accept, wanted)
  // A single lane runs here: it may be one that runs beside others.
  const apart = lanes.length > 1 ? lanes : []
  const fromLanes = await runLanes(apart, (sections) => commandOf(system, sections), write)
  const inLanes = new Set(apart.flat())
  const here = new Set(Object.keys(accept.sections).filter((name) => wanted(name) && !inLanes.has(name)))
  for (const name of only) if (!Object.hasOwn(accept.sections, name)) here.add(name)
  passed += fromLanes.passed
  failed += fromLanes.failed
  if (here.size === 0) continue
  const counts = await runAccept(accept, {
    pith: [process.execPath, resolve(values.command ?? join(ROOT, 'packages/pith/bin/pith.js'))],
    cache: resolve(values.cache ?? join(ROOT, '.cache/bench')),
    scale,
    only: here,
    hasData,
    reportsTimings: values.timings === 'report',
    debug: Boolean(process.env['DEBUG']),
    write,
  })
  passed += counts.passed
  failed += counts.failed
}

/** The command that runs sections of a system as this one does. */
function commandOf(system: string, sections: readonly string[]): string[] {
  const { only: _, ...kept } = values
  const options = Object.entries(kept).flatMap(([name, value]) => [`--${name}`, value])
  return [
    process.execPath,
    '--conditions=pith-dev',
    import.meta.filename,
    system,
    '--only',
    sections.join(','),
    ...options,
  ]
}

function write(text: string): void {
  process.stdout.write(text)
}

const seconds = ((performance.now() - start) / 1000).toFixed(0)
process.stdout.write(`${seconds} s in all\n${passed} passed, ${failed} failed\n`)
process.exit(failed > 0 || passed === 0 ? 1 : 0)
