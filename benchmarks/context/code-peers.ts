/** What ranks functions for a question: ours and the packages that a user would take. */
import { createRequire } from 'node:module'
import MiniSearch from 'minisearch'
import { makeUnitRanker } from '../../packages/context/src/longcodezip/rank.ts'
import { termsOf } from '../../packages/context/src/select/terms.ts'
import type { CodeRow } from './code-corpus.ts'

/** Ranks the functions of one package. */
export interface FunctionRanker {
  readonly name: string
  /** Whether it is fed our terms, or has its own tokeniser. */
  readonly hasOurTerms: boolean
  build(rows: readonly CodeRow[]): (query: string) => ArrayLike<number>
}

/** The part of wink-bm25-text-search that is used; it comes without types. */
interface Wink {
  defineConfig(config: object): void
  definePrepTasks(tasks: readonly unknown[]): void
  addDoc(fields: object, id: number): void
  consolidate(): void
  search(query: string, limit: number): [id: string, score: number][]
}

const require = createRequire(import.meta.url)

export const PITH: FunctionRanker = { name: 'pith', hasOurTerms: true, build: makeUnitRanker }

/** Name of the function three times as much as its code and that of the file, as was best for flat BM25. */
const WEIGHTS = { code: 1, name: 3, file: 1 }

function fieldsOf({ code, name, path }: CodeRow): Record<keyof typeof WEIGHTS, string> {
  return { code, name, file: /[^/]*$/.exec(path)?.[0].replace(/\.[a-z]+$/i, '') ?? '' }
}

function minisearch(name: string, hasOurTerms: boolean): FunctionRanker {
  return {
    ...{ name, hasOurTerms },
    build(rows) {
      const own = hasOurTerms ? { tokenize: termsOf, processTerm: (term: string) => term } : {}
      const search = new MiniSearch({ fields: Object.keys(WEIGHTS), ...own })
      search.addAll(rows.map((row, id) => ({ id, ...fieldsOf(row) })))
      return (query) => {
        const scores = new Float64Array(rows.length)
        for (const { id, score } of search.search(query, { boost: WEIGHTS })) scores[id as number] = score
        return scores
      }
    },
  }
}

function wink(name: string, hasOurTerms: boolean): FunctionRanker {
  return {
    ...{ name, hasOurTerms },
    build(rows) {
      const { string, tokens } = require('wink-nlp-utils') as Record<string, Record<string, unknown>>
      const engine = (require('wink-bm25-text-search') as () => Wink)()
      const own = [string?.['lowerCase'], string?.['tokenize0'], tokens?.['removeWords'], tokens?.['stem']]
      engine.defineConfig({ fldWeights: WEIGHTS })
      engine.definePrepTasks(hasOurTerms ? [termsOf] : own)
      for (const [i, row] of rows.entries()) engine.addDoc(fieldsOf(row), i)
      engine.consolidate()
      return (query) => {
        const scores = new Float64Array(rows.length)
        for (const [id, score] of engine.search(query, rows.length)) scores[Number(id)] = score
        return scores
      }
    },
  }
}

export const FUNCTION_PEERS: readonly FunctionRanker[] = [
  minisearch('minisearch', false),
  wink('wink-bm25', false),
  minisearch('minisearch, our terms', true),
  wink('wink-bm25, our terms', true),
]
