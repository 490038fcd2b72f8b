import type { Span, TokenCounter } from '../types.ts'

/** Runs without white space, or of nothing else, are merged in quadratic time, so longer ones are counted in slices. */
const LONGEST_RUN = 8192
const SLICE = 2048
/** Of the 100,000 merges that gpt-tokenizer remembers, the oldest is found ever more slowly once it forgets some: 60 times as slow. */
const MERGES = 1000
/** Texts of few characters come again and again, such as what is left out between two words. */
const SHORT = 32
const REMEMBERED = 1 << 14

let loaded: Promise<TokenCounter> | undefined

/**
 * Counts tokens of o200k_base, as GPT-4o and later models do; special tokens in the text are ordinary text.
 *
 * Runs of more than 8,192 characters without white space, or of nothing else, are counted in slices of 2,048, which is at least as many in practice.
 */
export function o200kCounter(): Promise<TokenCounter> {
  loaded ??= import('gpt-tokenizer/encoding/o200k_base').then(({ countTokens, setMergeCacheSize }) => {
    setMergeCacheSize(MERGES)
    const plain = { disallowedSpecial: new Set<string>() }
    const known = new Map<string, number>()
    const count = (text: string): number => {
      if (text.length > SHORT) return sum(slicesOf(text), (slice) => countTokens(slice, plain))
      const tokens = known.get(text) ?? countTokens(text, plain)
      if (known.size >= REMEMBERED) known.clear()
      known.set(text, tokens)
      return tokens
    }
    return { id: 'o200k_base', count }
  })
  return loaded
}

function* slicesOf(text: string): Generator<string, void, undefined> {
  let start = 0
  for (const run of longRuns(text)) {
    if (run.start > start) yield text.slice(start, run.start)
    for (start = run.start; start < run.end; ) {
      let next = Math.min(run.end, start + SLICE)
      // A surrogate pair is one character.
      if (next < run.end && (text.charCodeAt(next) & 0xfc00) === 0xdc00) next--
      yield text.slice(start, next)
      start = next
    }
  }
  if (start < text.length) yield text.slice(start)
}

/** Runs of white space, or of anything else, that are too long; each has a place that is a multiple of half their length. */
function longRuns(text: string): Span[] {
  const runs: Span[] = []
  for (let at = LONGEST_RUN / 2; at < text.length; at += LONGEST_RUN / 2) {
    if (at < (runs.at(-1)?.end ?? 0)) continue
    const isSpace = SPACE.test(text[at] as string)
    let [start, end] = [at, at + 1]
    while (start > 0 && SPACE.test(text[start - 1] as string) === isSpace) start--
    while (end < text.length && SPACE.test(text[end] as string) === isSpace) end++
    if (end - start >= LONGEST_RUN) runs.push({ start, end })
  }
  return runs
}

const SPACE = /\s/

function sum<T>(items: Iterable<T>, value: (item: T) => number): number {
  let total = 0
  for (const item of items) total += value(item)
  return total
}
