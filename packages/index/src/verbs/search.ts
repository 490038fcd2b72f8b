/** `pith index search`. */
import { type Arguments, type CommandContext, numberOf, PithError } from '@pith/core'
import { analyzerOf, makeAnalyzer } from '@pith/core/lexical'
import { runLines } from '../metrics/index.ts'
import { makeSnippet, type SnippetPart, wantedTerms } from '../serve/index.ts'
import type { Fusion, IndexReader, IndexSearch, SearchMode, SearchResult } from '../store/index.ts'
import type { Rankings } from '../types.ts'
import { namesOf, runOf, withIndex } from './inputs.ts'
import { queriesOf } from './queries.ts'
import { whereOf } from './where-option.ts'

/** Signs that a query has a meaning with, which plain words do not have. */
const SYNTAX = /["*~]|(^|\s)[+-]\S/

const TAG = 'pith'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const words = args.operands.slice(1).join(' ')
  const file = args.value('queries')
  if ((words === '') === (file === undefined)) {
    throw new PithError('PITH_ARG', 'give a query, or a file of queries by --queries')
  }
  const search = searchOf(args)
  const own = runOf(args, context)
  return await withIndex(args, context, async (reader) => {
    const { dense } = reader.info.settings
    if (dense !== undefined && !reader.modes().includes('dense')) {
      await context.note(`vectors of ${dense.encoder} are left out: name their encoder by --encoder`)
    }
    if (file === undefined) {
      const start = performance.now()
      const found = await reader.search(asked(words, search), own)
      const ms = performance.now() - start
      for (const warning of found.warnings) await context.note(warning)
      if (args.has('trec')) await writeRun(context, new Map([['1', scoresOf(found)]]))
      else if (context.json) await context.report({ query: words, ms, ...found })
      else await showHits(context, reader, words, found, ms)
      return 0
    }
    const answers: { id: string; query: string; found: SearchResult }[] = []
    for (const { id, text, ...parts } of await queriesOf(file, context)) {
      const query = { ...asked(text, search), ...parts, documents: false }
      answers.push({ id, query: text, found: await reader.search(query, own) })
      context.onProgress({ stage: 'search', done: answers.length, unit: 'steps' })
    }
    if (args.has('trec')) await writeRun(context, new Map(answers.map(({ id, found }) => [id, scoresOf(found)])))
    else if (context.json) {
      await context.report({ queries: answers.map(({ id, query, found }) => ({ id, query, hits: found.hits })) })
    } else {
      for (const { id, found } of answers) {
        for (const [i, hit] of found.hits.entries()) {
          await context.stdout.write(`${id}\t${i + 1}\t${hit.id}\t${hit.score.toPrecision(6)}\n`)
        }
      }
    }
    return 0
  })
}

/** What the options ask for. */
function searchOf(args: Arguments): IndexSearch {
  const where = whereOf(args)
  const facets = namesOf(args, 'facets')
  return {
    k: args.has('count') ? numberOf(args, 'count', 1, 10_000, true) : 10,
    documents: true,
    ...(args.has('from') ? { offset: numberOf(args, 'from', 0, 100_000, true) } : {}),
    ...(args.has('exact') ? { exact: true } : {}),
    ...(args.has('mode') ? { mode: args.value('mode') as SearchMode } : {}),
    ...(args.has('fusion') ? { fusion: args.value('fusion') as Fusion } : {}),
    ...(args.has('alpha') ? { alpha: numberOf(args, 'alpha', 0, 1, false) } : {}),
    ...(where === undefined ? {} : { where }),
    ...(facets.length === 0 ? {} : { facets }),
  }
}

/** A query whose signs have a meaning where it uses them; else misspelt words are looked for. */
function asked(text: string, search: IndexSearch): IndexSearch {
  return { ...search, text, ...(SYNTAX.test(text) ? { syntax: true } : { typos: true }) }
}

function scoresOf({ hits }: SearchResult): Map<string, number> {
  return new Map(hits.map(({ id, score }) => [id, score]))
}

async function writeRun(context: CommandContext, run: Rankings): Promise<void> {
  for (const line of runLines(run, TAG)) await context.stdout.write(`${line}\n`)
}

async function showHits(
  context: CommandContext,
  { info }: IndexReader,
  query: string,
  { hits, facets = {} }: SearchResult,
  ms: number,
): Promise<void> {
  const { lexical } = info.settings
  const analyzer = lexical === undefined ? makeAnalyzer() : analyzerOf(lexical.analyzer)
  const wanted = wantedTerms(query, analyzer)
  const shown = (parts: readonly SnippetPart[]): string =>
    parts.map(({ text, hit }) => (hit && context.colour ? `\x1b[1m${text}\x1b[22m` : text)).join('')
  for (const [i, { id, score, document }] of hits.entries()) {
    const title = document?.title === undefined ? '' : `  ${document.title}`
    await context.stdout.write(`${String(i + 1).padStart(3)}. ${score.toFixed(4)}  ${id}${title}\n`)
    const snippet = shown(makeSnippet(document?.text ?? '', wanted, analyzer))
    if (snippet !== '') await context.stdout.write(`     ${snippet}\n`)
  }
  for (const [name, values] of Object.entries(facets)) {
    const counts = values.map(({ value, count }) => `${value} (${count})`)
    await context.stdout.write(`${name}: ${counts.join(', ')}\n`)
  }
  await context.note(
    `${hits.length === 0 ? 'nothing found' : `${hits.length} of ${info.documents}`} in ${ms.toFixed(1)} ms`,
  )
}
