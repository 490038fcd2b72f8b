/** What else ranks passages in a Node process. */
import { createRequire } from 'node:module'
import MiniSearch from 'minisearch'
import { termsOf } from '../../packages/context/src/select/terms.ts'
import type { Passage } from '../../packages/context/src/types.ts'

/** Ranks passages: those that have nothing of the question come last, in their order. */
export interface PassageRanker {
  readonly name: string
  rank(passages: readonly Passage[], question: string): number[]
}

function all(found: readonly number[], n: number): number[] {
  const known = new Set(found)
  return [...found, ...Array.from({ length: n }, (_, i) => i).filter((i) => !known.has(i))]
}

function minisearch(name: string, terms?: (text: string) => string[]): PassageRanker {
  return {
    name,
    rank(passages, question) {
      const own = terms === undefined ? {} : { tokenize: terms, processTerm: (term: string): string => term }
      const index = new MiniSearch({ fields: ['title', 'text'], ...own })
      index.addAll(passages.map(({ title = '', text }, id) => ({ id, title, text })))
      return all(
        index.search(question).map(({ id }) => id as number),
        passages.length,
      )
    },
  }
}

/** The part of wink that is used; it comes without types. */
interface Wink {
  defineConfig(config: object): void
  definePrepTasks(tasks: readonly ((input: never) => unknown)[]): void
  addDoc(document: object, id: number): void
  consolidate(): void
  search(text: string, limit: number): [id: string, score: number][]
}
const require = createRequire(import.meta.url)
const makeWink = require('wink-bm25-text-search') as () => Wink
const { string, tokens } = require('wink-nlp-utils') as Record<
  'string' | 'tokens',
  Record<string, (input: never) => unknown>
>

/** The tasks of its documentation, for wink-nlp-utils. */
const WINK_TASKS = [
  ...['lowerCase', 'removeExtraSpaces', 'tokenize0'].map((task) => string[task]),
  ...['propagateNegations', 'removeWords', 'stem'].map((task) => tokens[task]),
] as ((input: never) => unknown)[]

function wink(name: string, tasks: readonly ((input: never) => unknown)[]): PassageRanker {
  return {
    name,
    rank(passages, question) {
      const engine = makeWink()
      engine.defineConfig({ fldWeights: { title: 2, text: 1 } })
      engine.definePrepTasks(tasks)
      for (const [id, { title = '', text }] of passages.entries()) engine.addDoc({ title, text }, id)
      engine.consolidate()
      return all(
        engine.search(question, passages.length).map(([id]) => Number(id)),
        passages.length,
      )
    },
  }
}

/** Each with its own words, and with ours. */
export const PASSAGE_PEERS: readonly PassageRanker[] = [
  minisearch('minisearch'),
  minisearch('minisearch, our terms', termsOf),
  wink('wink', WINK_TASKS),
  wink('wink, our terms', [termsOf as (input: never) => unknown]),
]
