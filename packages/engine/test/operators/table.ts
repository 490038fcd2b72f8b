/** What is known of each operator, and how it is tested: the table of docs/operators.md. */
import { wayOf } from '../../src/autodiff/rule-of.ts'
import { batchWayOf } from '../../src/batch/index.ts'
import { allOps, type OpDef } from '../../src/ir/registry.ts'
import { BATCHED } from '../batch/batch-cases.ts'
import { CASES } from '../gradients/all-cases.ts'

/** How an operator is differentiated or made a batch of: a way that is tested so many times, or why there is none. */
export interface Cell {
  /** Undefined where there is no way. */
  readonly way: 'rule' | 'simpler operators' | 'through its body' | undefined
  readonly tests: number
  readonly reason: string | undefined
}

export interface Row {
  readonly name: string
  readonly folds: boolean
  readonly gradient: Cell
  readonly batch: Cell
}

const none = (reason: string | undefined): Cell => ({ way: undefined, tests: 0, reason })

function gradientOf(key: string, def: OpDef): Cell {
  const way = wayOf({ domain: def.domain ?? '', op: def.name, def })
  if ('reason' in way) return none(way.reason)
  const name = 'nested' in way ? 'through its body' : 'rule' in way ? 'rule' : 'simpler operators'
  return { way: name, tests: CASES[key]?.length ?? 0, reason: undefined }
}

function batchOf(key: string, def: OpDef): Cell {
  const { reason, nested, rule, fromShape, decompose } = batchWayOf({ domain: def.domain ?? '', op: def.name, def })
  const tests = BATCHED[key]?.length ?? 0
  if (nested !== undefined) return { way: 'through its body', tests, reason: undefined }
  if (rule !== undefined || fromShape !== undefined) return { way: 'rule', tests, reason: undefined }
  return decompose === undefined ? none(reason) : { way: 'simpler operators', tests, reason: undefined }
}

/** A row for each operator that is known from the start. */
export function operatorRows(): Row[] {
  return allOps()
    .filter(({ domain = '' }) => ['', 'com.microsoft'].includes(domain))
    .map((def) => {
      const key = `${def.domain ?? ''}:${def.name}`
      return {
        name: def.domain === undefined ? def.name : `${def.domain}.${def.name}`,
        folds: def.fold !== undefined,
        gradient: gradientOf(key, def),
        batch: batchOf(key, def),
      }
    })
}

function text({ way, tests, reason }: Cell): string {
  if (way === undefined) return `no: ${reason}`
  return `${way === 'simpler operators' ? 'as simpler operators' : way}, ${tests} ${tests === 1 ? 'test' : 'tests'}`
}

/** docs/operators.md. */
export function renderOperators(): string {
  const rows = operatorRows()
  const count = (cell: 'gradient' | 'batch'): number => rows.filter((row) => row[cell].way !== undefined).length
  const lines = rows.map(
    ({ name, folds, gradient, batch }) =>
      `| ${name} | shapes${folds ? ', constants' : ''} | ${text(gradient)} | ${text(batch)} |`,
  )
  return `# Operators of the engine

Made from the registry by \`npx node --conditions=pith-dev scripts/make-operators.ts\`; a test fails where it is not up to date, and where a gradient or a batch has no test and no reason why there is none.

${rows.length} operators are known. Other ones of a model run where onnxruntime has them. Types and shapes of all results are inferred; \`constants\` says that results for constant inputs are computed when the model is imported. ${count('gradient')} have gradients, each compared with finite differences in so many forms; so are the gradients of these gradients, by \`npm run test:slow\`. ${count('batch')} can stand in \`vmap\`, each compared with a loop of single calls: in each form with a batch of every input alone, and of all.

| operator | forward | gradient | batch |
| --- | --- | --- | --- |
${lines.join('\n')}
`
}
