/**
 * `npm run bench -- SYSTEM... [--only PART,...] [--json FILE] [--repeats N] [--scale X] [--command FILE] [--cache DIR]`
 *
 * Runs the benches of systems: `benchmarks/<system>.ts`, or `<system>.bench.ts` beside the system's code. Standard output
 * gets one JSON line a case, standard error tables for people. Results of the parts that ran replace those in
 * `benchmarks/results/<system>.json`, or go to FILE.
 *
 * @module
 */
import { globSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Bench, BenchContext, Case } from './measure/case.ts'
import { describeCommit, describeMachine, ROOT } from './measure/machine.ts'
import { readResults, replaceKinds, writeResults } from './measure/results.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    json: { type: 'string' },
    repeats: { type: 'string' },
    scale: { type: 'string' },
    command: { type: 'string' },
    cache: { type: 'string' },
  },
})

function fail(message: string): never {
  process.stderr.write(`bench: ${message}\n`)
  process.exit(2)
}

const files = new Map(
  globSync(['benchmarks/*.ts', 'packages/*/src/*/*.bench.ts'], { cwd: ROOT })
    .filter((path) => /(^|\/)[^./]+(\.bench)?\.ts$/.test(path))
    .map((path) => [basename(path).replace(/(\.bench)?\.ts$/, ''), join(ROOT, path)] as const)
    .filter(([name]) => !['run', 'accept', 'render', 'generate-log'].includes(name)),
)
const systems = positionals.length > 0 ? positionals : [...files.keys()]
const machine = describeMachine()
const commit = describeCommit()
const scale = Number(values.scale ?? 1)
const repeats = Number(values.repeats ?? 5)
if (!(scale > 0)) fail(`--scale must be above 0, got ${values.scale}`)
if (!(Number.isInteger(repeats) && repeats > 0)) fail(`--repeats must be a whole number above 0, got ${values.repeats}`)

for (const system of systems) {
  const path = files.get(system)
  if (path === undefined) fail(`no system ${system}; there are ${[...files.keys()].join(', ')}`)
  const { bench } = (await import(path)) as { bench: Bench }
  const only = new Set(values.only?.split(','))
  for (const part of only) {
    if (!bench.parts.includes(part)) fail(`${system} has no part ${part}; there are ${bench.parts.join(', ')}`)
  }
  const cases: Case[] = []
  const context: BenchContext = {
    only,
    repeats,
    scale,
    pith: [process.execPath, resolve(values.command ?? join(ROOT, 'packages/pith/bin/pith.js'))],
    cache: resolve(values.cache ?? join(ROOT, '.cache/bench')),
    add(result) {
      cases.push(result)
      process.stdout.write(`${JSON.stringify({ ...result, machine, commit })}\n`)
    },
    say: (text) => void process.stderr.write(`${text}\n`),
  }
  await bench.run(context)
  // Figures of a scaled run, or of another build, are not the project's.
  const isOwn = scale === 1 && values.command === undefined
  const target = values.json ?? (isOwn ? join(ROOT, `benchmarks/results/${system}.json`) : undefined)
  if (target !== undefined && cases.length > 0) {
    writeResults(target, replaceKinds(readResults(target, system), cases, machine, commit))
  }
}
