/** Files of results: the last measured cases of each kind, one a line, with what they were measured on. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Case } from './case.ts'
import type { Machine } from './machine.ts'

export interface Results {
  readonly system: string
  /** Where and at which commit each kind of case was measured. */
  readonly runs: Readonly<Record<string, { readonly machine: Machine; readonly commit: string }>>
  readonly cases: readonly Case[]
}

export function readResults(path: string, system: string): Results {
  if (!existsSync(path)) return { system, runs: {}, cases: [] }
  return JSON.parse(readFileSync(path, 'utf8')) as Results
}

/** Results in which the new cases stand for all old ones of their kinds. */
export function replaceKinds(results: Results, cases: readonly Case[], machine: Machine, commit: string): Results {
  const kinds = new Set(cases.map((result) => result.kind))
  const kept = results.cases.filter((result) => !kinds.has(result.kind))
  const runs = Object.fromEntries([...kinds].map((kind) => [kind, { machine, commit }]))
  return { system: results.system, runs: { ...results.runs, ...runs }, cases: [...kept, ...cases] }
}

/** Numbers with as many digits as they are worth, so that files of results stay readable. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value
}

export function writeResults(path: string, results: Results): void {
  mkdirSync(dirname(path), { recursive: true })
  const lines = results.cases.map((result) => JSON.stringify(result, rounded)).join(',\n')
  const head = JSON.stringify({ system: results.system, runs: results.runs })
  writeFileSync(path, `${head.slice(0, -1)},"cases":[\n${lines}\n]}\n`)
}
