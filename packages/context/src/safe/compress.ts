import { PithError } from '@pith/core'
import type {
  Compressed,
  CompressOptions,
  DroppedPart,
  Joiner,
  Ranking,
  Span,
  TokenBudget,
  TokenCounter,
} from '../types.ts'
import { assemble, gapsOf, labelBy, sentinelFor, wrapInText } from './assemble.ts'
import { o200kCounter } from './counter.ts'
import { partNames } from './dropped.ts'
import { type Fitted, fitBudget } from './fit.ts'
import { joinSpans } from './pieces.ts'
import { protectedSpans } from './protect.ts'
import { sourceMapOf } from './source-map.ts'

/** What a ranking may depend on. */
export interface RankContext extends Pick<CompressOptions, 'query' | 'signal'> {
  readonly counter: TokenCounter
  /** Tokens that may stay. */
  readonly tokens: number
  /** The same over those of the text, below 1. */
  readonly share: number
}

/** Says which pieces of a text matter. */
export type Ranker = (text: string, context: RankContext) => Ranking | Promise<Ranking>

/**
 * Cut a text to a budget: the most important pieces, exactly as they stand, in their order.
 *
 * The budget is kept by counting the assembled text. What is protected is never cut in two; user-given patterns and spans stay, and
 * so does all that is protected where a ranking drops single words. A text that fits comes back as it is, and the result is never
 * longer than the text.
 *
 * @throws PithError `PITH_BUDGET` what is protected alone is above the budget; `needed` tokens are named in the hint · `PITH_ARG`
 */
export async function compressBy(rank: Ranker, text: string, options: CompressOptions): Promise<Compressed> {
  const { joiner = 'none', markerMinTokens = 40, onOverflow = 'throw', protect, query, signal } = options
  signal?.throwIfAborted()
  const counter = truthful(options.counter ?? (await o200kCounter()))
  const originalTokens = counter.count(text)
  const budget = tokensOf(options.budget, originalTokens)
  if (originalTokens <= budget || text.trim() === '') return unchanged(text, originalTokens, counter, budget)
  const ranking = await rank(text, {
    ...{ counter, tokens: budget, share: budget / originalTokens },
    ...(query === undefined ? {} : { query }),
    ...(signal === undefined ? {} : { signal }),
  })
  const {
    pieces,
    groups,
    pinned: needed = [],
  } = ranking.isSound === true ? ranking : wholePieces(ranking, protectedSpans(text, protect))
  const always = protectedSpans(text, ranking.dropsWords === true ? protect : { ...protect, kinds: [] })
  const pinned = withGroups(touching(pieces, always), groups, ranking.isSound === true)
  for (const piece of needed) pinned[piece] = 1
  const name = partNames(text)
  const counts = new Map<string, DroppedPart>()
  const partOf = (gap: Span): DroppedPart => {
    const id = name(gap)
    const known = counts.get(id) ?? { id, span: gap, tokens: counter.count(text.slice(gap.start, gap.end)) }
    counts.set(id, known)
    return known
  }
  const mark = (gap: Span): DroppedPart | undefined => {
    const part = partOf(gap)
    return part.tokens >= markerMinTokens ? part : undefined
  }
  const { wrap = wrapInText(text) } = ranking
  const fitJoined = (by: Joiner): Fitted => {
    const label = labelBy(by, mark, sentinelFor(text))
    return fitBudget({
      ...{ text, pieces, groups, pinned, tokens: budget, signal },
      count: (own) => counter.count(own),
      join: (gap) => wrap(gap, label(gap)),
    })
  }
  let fitted = fitJoined(joiner)
  // What joins slices must not cost more than what was cut out.
  const isWorse = fitted.tokens > budget || fitted.text.length > text.length
  if (joiner !== 'none' && isWorse) fitted = fitJoined('none')
  // Not even what stands for all of it may be left.
  if (fitted.tokens > budget && fitted.kept.length === 0) fitted = { ...assemble(text, [], () => ''), tokens: 0 }
  const isOver = fitted.tokens > budget
  if (isOver && onOverflow === 'throw') {
    throw new PithError('PITH_BUDGET', `what is protected takes ${fitted.tokens} tokens, the budget is ${budget}`, {
      hint: 'Give a larger budget, protect less, or keep what is protected whatever it takes (keep-protected).',
    })
  }
  // Cut apart, a text can have more tokens than whole.
  if (fitted.tokens >= originalTokens) return unchanged(text, originalTokens, counter, budget)
  return {
    ...{ text: fitted.text, kept: fitted.kept, sourceMap: fitted.sourceMap, originalTokens, tokens: fitted.tokens },
    dropped: gapsOf(fitted.kept, text.length).map(partOf),
    report: {
      ...{ scorer: ranking.scorer, counter: counter.id, overBudget: isOver, warnings: ranking.warnings ?? [] },
      protectedTokens: counter.count(always.map(({ start, end }) => text.slice(start, end)).join(' ')),
    },
  }
}

/** The same counter, held to its word: a promise or NaN would pass for a text that fits. */
function truthful(counter: TokenCounter): TokenCounter {
  return {
    id: counter.id,
    count(text) {
      const tokens: unknown = counter.count(text)
      if (typeof tokens === 'number' && tokens >= 0) return tokens
      throw new PithError('PITH_ARG', `the counter ${counter.id} gives no number of tokens`, {
        hint: 'count(text) must return the number itself, not a promise.',
      })
    },
  }
}

/** @throws PithError `PITH_ARG` the budget is no number of tokens, or no share */
function tokensOf(budget: TokenBudget, original: number): number {
  if ('rate' in budget) {
    if (!(budget.rate > 0 && budget.rate <= 1))
      throw new PithError('PITH_ARG', `a rate must be above 0 and at most 1, not ${budget.rate}`)
    return Math.floor(budget.rate * original)
  }
  if (!(Number.isInteger(budget.tokens) && budget.tokens >= 0)) {
    throw new PithError('PITH_ARG', `a budget must be a whole number of tokens, not ${budget.tokens}`)
  }
  return budget.tokens
}

function unchanged(text: string, tokens: number, counter: TokenCounter, budget: number): Compressed {
  const whole = text === '' ? [] : [{ start: 0, end: text.length }]
  return {
    ...{ text, kept: whole, originalTokens: tokens, tokens, dropped: [] },
    sourceMap: sourceMapOf(Uint32Array.from(text === '' ? [] : [0, 0, text.length])),
    report: { scorer: 'none', counter: counter.id, protectedTokens: 0, overBudget: tokens > budget, warnings: [] },
  }
}

/** Pieces joined where something that must stay whole lies across them. */
function wholePieces(
  { pieces, groups, pinned = [] }: Ranking,
  wholes: readonly Span[],
): Pick<Ranking, 'pieces' | 'groups' | 'pinned'> {
  const joined: { start: number; end: number }[] = []
  const owner = new Uint32Array(pieces.length)
  let whole = 0
  for (const [at, { start, end }] of pieces.entries()) {
    while (whole < wholes.length && (wholes[whole] as Span).end <= start) whole++
    const across = wholes[whole]
    const last = joined.at(-1)
    if (last !== undefined && across !== undefined && across.start < start) last.end = end
    else joined.push({ start, end })
    owner[at] = joined.length - 1
  }
  const owners = (own: readonly number[]): number[] => [...new Set(own.map((piece) => owner[piece] as number))]
  return { pieces: joined, groups: groups.map(owners), pinned: owners(pinned) }
}

/** Pinned pieces, each with the smallest group that it is in. */
function withGroups(pinned: Uint8Array, groups: Ranking['groups'], isSound: boolean): Uint8Array {
  if (!isSound || !pinned.includes(1)) return pinned
  const smallest = new Map<number, readonly number[]>()
  for (const group of groups) {
    for (const piece of group) {
      if (pinned[piece] === 1 && group.length < (smallest.get(piece)?.length ?? Number.POSITIVE_INFINITY))
        smallest.set(piece, group)
    }
  }
  const all = Uint8Array.from(pinned)
  for (const group of smallest.values()) for (const piece of group) all[piece] = 1
  return all
}

/** Which pieces overlap one of the spans, both ascending. */
function touching(pieces: readonly Span[], spans: readonly Span[]): Uint8Array {
  const is = new Uint8Array(pieces.length)
  const joined = joinSpans(spans)
  let at = 0
  for (const [i, { start, end }] of pieces.entries()) {
    while (at < joined.length && (joined[at] as Span).end <= start) at++
    const span = joined[at]
    if (span !== undefined && span.start < end) is[i] = 1
  }
  return is
}
