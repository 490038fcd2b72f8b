import { compressBy, type RankContext } from '../safe/compress.ts'
import { bm25Scores, byScore, localWeights, type Weigh } from '../select/bm25.ts'
import { termsOf } from '../select/terms.ts'
import type { Compressed, CompressOptions, Ranking, Span } from '../types.ts'
import { knapsack } from './knapsack.ts'
import { type CodeLanguage, languageOf, rulesOf } from './languages.ts'
import type { CodeUnit } from './outline.ts'
import type { CodeParser } from './parse.ts'
import { type ForeseeingModel, rerankByModel } from './perplexity.ts'
import { piecesOf, type UnitPieces } from './pieces.ts'
import { makeUnitRanker, type RankedUnit } from './rank.ts'

/** A file of code. */
export interface CodeFile {
  readonly path: string
  readonly text: string
  /** By default that of the name. */
  readonly language?: CodeLanguage
}

/** How code is cut to a budget. */
export interface CodeOptions extends Omit<CompressOptions, 'query'> {
  /** What the code is read for. */
  query: string
  /**
   * Share of a function that stays, at the mean of those that are looked into. Default 1: functions are whole as long as they fit, and
   * the first one that does not fit gives its best statements. Less shows more functions, and less of each.
   */
  retention?: number
  /**
   * Orders the best 16 functions anew by how much better it foresees the question behind each. One that gives no probabilities of
   * what it reads changes nothing, and the report says so.
   */
  model?: ForeseeingModel
}

/** A function, and what was made of it. */
export interface CodeFunction {
  readonly path: string
  readonly name: string
  /** In its file. */
  readonly span: Span
  readonly score: number
  readonly kept: 'whole' | 'part' | 'none'
}

/** Code within a budget. */
export interface CompressedCode extends Compressed {
  /** Best first. */
  readonly functions: readonly CodeFunction[]
}

/** How much more of the best functions stays than of the worst: 1 + this to 1 - this times the mean (paper: beta, .5). */
const PREFERENCE = 1
/** What the rare terms of a statement count beside those that the question asks for. */
const NOVELTY = 0.1
/** Shorter functions stay whole. */
const WHOLE_LINES = 5

/**
 * Cut code to a budget for a question: the best functions are found, and of each its best statements (LongCodeZip, arXiv 2510.00446).
 *
 * Signatures, decorators, ends and closing returns stay wherever something of a function stays, so that what is left still parses; a
 * comment stands for what is gone.
 *
 * @throws PithError `PITH_BUDGET`, `PITH_ARG`, `PITH_LIMIT`
 */
export async function compressCode(
  files: readonly CodeFile[],
  options: CodeOptions & { parser: CodeParser },
): Promise<CompressedCode> {
  const { query, parser, model, retention = 1, ...rest } = options
  const sources = await readSources(files, parser, options.signal)
  const { scores, scorer, warnings } = await scoreSources(sources, query, model, options.signal)
  const order = byScore(scores)
  const plan = (_: string, context: RankContext): Ranking => ({
    ...{ scorer, warnings, pieces: sources.pieces, isSound: true, wrap: omissions(sources) },
    groups: planGroups(sources, scores, order, query, retention, context),
  })
  const result = await compressBy(plan, sources.text, rest)
  return { ...result, functions: order.flatMap((at) => describe(sources, at, scores[at] as number, result.kept)) }
}

/** How well units fit, and who says so. */
async function scoreSources(
  { units }: Sources,
  query: string,
  model: ForeseeingModel | undefined,
  signal: AbortSignal | undefined,
): Promise<{ scores: Float64Array; scorer: string; warnings: string[] }> {
  const scores = makeUnitRanker(units)(query)
  const lexical = { scores, scorer: 'functions+statements', warnings: [] }
  if (model === undefined) return lexical
  const best = byScore(scores).flatMap((at) => {
    const { unit, code } = units[at] as SourceUnit
    return unit.kind === 'function' ? [{ at, code }] : []
  })
  const ranked = await rerankByModel(model, query, best, scores, signal)
  return ranked === undefined
    ? { ...lexical, warnings: ['the model gives no probabilities of what it reads: functions are ranked without it'] }
    : { scores: ranked, scorer: 'functions+perplexity+statements', warnings: [] }
}

interface SourceUnit extends UnitPieces, RankedUnit {
  readonly file: number
}

interface Sources {
  readonly text: string
  readonly pieces: readonly Span[]
  readonly units: readonly SourceUnit[]
  readonly files: readonly { readonly head: number; readonly start: number; readonly comment: string }[]
}

/** All files as one text, each behind a comment that names it. */
async function readSources(files: readonly CodeFile[], parser: CodeParser, signal?: AbortSignal): Promise<Sources> {
  const pieces: Span[] = []
  const units: SourceUnit[] = []
  const places: { head: number; start: number; comment: string }[] = []
  let text = ''
  for (const [file, { path, text: code, language }] of files.entries()) {
    signal?.throwIfAborted()
    const rules = language === undefined ? languageOf(path) : rulesOf(language)
    const comment = rules?.comment ?? '#'
    const title = `${comment} ${path.replace(/\s+/g, ' ')}\n`
    pieces.push({ start: text.length, end: text.length + title.length })
    const start = text.length + title.length
    places.push({ head: pieces.length - 1, start, comment })
    const body = code.endsWith('\n') || code === '' ? code : `${code}\n`
    const outline = await parser.outline(path, body, language)
    for (const own of piecesOf(outline, body, rules, pieces, start)) {
      const { start: from, end } = own.unit.span
      const code = own.unit.kind === 'class' ? '' : body.slice(from, end)
      units.push({ ...own, path, file, name: own.unit.name, classes: classesOf(own.unit, outline), code })
    }
    text += title + body
  }
  return { text, pieces, units, files: places }
}

/** Names of the classes around a unit, the outermost first. */
function classesOf({ parent }: CodeUnit, units: readonly CodeUnit[]): string[] {
  const names: string[] = []
  for (let at = parent; at !== undefined; at = units[at]?.parent) names.unshift(units[at]?.name ?? '')
  return names
}

/** Groups of pieces, the most important first; each names all that must stand with it. */
function planGroups(
  { text, pieces, units, files }: Sources,
  scores: Float64Array,
  order: readonly number[],
  query: string,
  retention: number,
  { counter, tokens: budget }: RankContext,
): number[][] {
  const tokensOf = (own: readonly number[]): number =>
    own.reduce((sum, piece) => sum + counter.count(text.slice(pieces[piece]?.start, pieces[piece]?.end)), 0)
  const chosen: { at: number; tokens: number }[] = []
  // The best functions until what stays of them fills the budget.
  let sum = 0
  for (const at of order) {
    const unit = units[at] as SourceUnit
    if (unit.unit.kind === 'class') continue
    if (sum * retention >= budget) break
    const tokens = counter.count(unit.code)
    chosen.push({ at, tokens })
    sum += tokens
  }
  const [least, most] = [scores[chosen.at(-1)?.at ?? 0] ?? 0, scores[chosen[0]?.at ?? 0] ?? 0]
  const groups: number[][] = []
  const later: number[][] = []
  const terms = chosen.map(({ at }) =>
    (units[at] as SourceUnit).blocks.map(({ pieces: own }) =>
      termsOf(own.map((piece) => text.slice(pieces[piece]?.start, pieces[piece]?.end)).join('')),
    ),
  )
  const weigh = localWeights(terms.flat())
  for (const [i, { at, tokens }] of chosen.entries()) {
    const { unit, frame, blocks, code, file } = units[at] as SourceUnit
    const needed = [(files[file] as Sources['files'][number]).head, ...frame]
    const relative = most > least ? ((scores[at] as number) - least) / (most - least) : 1
    const isWhole = code.trimEnd().split('\n').length < WHOLE_LINES || retention >= 1
    const keep = isWhole ? 1 : Math.min(1, retention * (1 + PREFERENCE * (2 * relative - 1)))
    const values = bm25Scores(termsOf(query), terms[i] as string[][], weigh).map(
      (value, block) => value + NOVELTY * noveltyOf(terms[i]?.[block] as string[], weigh),
    )
    const weights = blocks.map(({ pieces: own }) => tokensOf(own))
    const isKept =
      keep >= 1 ? new Uint8Array(blocks.length).fill(1) : knapsack(values, weights, keep * tokens - tokensOf(frame))
    const ranked = byScore(values)
    const groupOf = (block: number): number[] => {
      const { pieces: own, around } = blocks[block] as UnitPieces['blocks'][number]
      return [...needed, ...around, ...own]
    }
    groups.push(
      ...(unit.kind === 'function' ? [needed] : []),
      ...ranked.filter((block) => isKept[block] === 1).map(groupOf),
    )
    later.push(...ranked.filter((block) => isKept[block] !== 1).map(groupOf))
  }
  const isChosen = new Set(chosen.map(({ at }) => at))
  const others = order
    .filter((at) => !isChosen.has(at) && units[at]?.unit.kind !== 'class')
    .map((at) => wholeUnit(units[at] as SourceUnit, files))
  return [...groups, ...later, ...others]
}

function noveltyOf(terms: readonly string[], weigh: Weigh): number {
  let sum = 0
  for (const term of new Set(terms)) sum += weigh(term)
  return sum
}

function wholeUnit({ frame, blocks, file }: SourceUnit, files: Sources['files']): number[] {
  const head = (files[file] as Sources['files'][number]).head
  return [...new Set([head, ...frame, ...blocks.flatMap(({ around, pieces }) => [...around, ...pieces])])]
}

/** A comment for what is gone, as far in as what follows it. */
function omissions({ text, files }: Sources): NonNullable<Ranking['wrap']> {
  return (gap, label) => {
    const code = text.slice(gap.start, gap.end)
    if (code.trim() === '') return ''
    let file = files.length - 1
    while (file > 0 && (files[file] as Sources['files'][number]).start > gap.start) file--
    const { comment } = files[file] as Sources['files'][number]
    const indent = /^(?:[ \t]*\n)*([ \t]*)/.exec(code)?.[1] ?? ''
    return `${indent}${comment} ${label === '' ? '…' : label}\n`
  }
}

function describe({ units, files }: Sources, at: number, score: number, kept: readonly Span[]): CodeFunction[] {
  const { unit, path, file } = units[at] as SourceUnit
  if (unit.kind !== 'function') return []
  const offset = (files[file] as Sources['files'][number]).start
  const [start, end] = [unit.span.start + offset, unit.span.end + offset]
  const inside = kept.filter((span) => span.end > start && span.start < end)
  const isWhole = inside.some((span) => span.start <= start && span.end >= end)
  return [
    { path, name: unit.name, span: unit.span, score, kept: isWhole ? 'whole' : inside.length > 0 ? 'part' : 'none' },
  ]
}
