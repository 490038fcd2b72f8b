import type { TokenCounter } from '../types.ts'

/** Runs without white space, or of nothing else, are merged in quadratic time, so longer ones are counted in slices. */
const LONGEST_RUN = 8192
const SLICE = 2048

let loaded: Promise<TokenCounter> | undefined

/**
 * Counts tokens of o200k_base, as GPT-4o and later models do; special tokens in the text are ordinary text.
 *
 * Runs of more than 8,192 characters without white space, or of nothing else, are counted in slices of 2,048, which is at least as many in practice.
 */
export function o200kCounter(): Promise<TokenCounter> {
  loaded ??= import('gpt-tokenizer/encoding/o200k_base').then(({ countTokens }) => {
    const plain = { disallowedSpecial: new Set<string>() }
    return { id: 'o200k_base', count: (text) => sum(slicesOf(text), (slice) => countTokens(slice, plain)) }
  })
  return loaded
}

function* slicesOf(text: string): Generator<string, void, undefined> {
  let start = 0
  for (const run of text.length > LONGEST_RUN ? text.matchAll(LONG_RUN) : []) {
    if (run.index > start) yield text.slice(start, run.index)
    const end = run.index + run[0].length
    for (start = run.index; start < end; ) {
      let next = Math.min(end, start + SLICE)
      // A surrogate pair is one character.
      if (next < end && (text.charCodeAt(next) & 0xfc00) === 0xdc00) next--
      yield text.slice(start, next)
      start = next
    }
  }
  if (start < text.length) yield text.slice(start)
}

const LONG_RUN = /* @__PURE__ */ new RegExp(`\\S{${LONGEST_RUN},}|\\s{${LONGEST_RUN},}`, 'g')

function sum<T>(items: Iterable<T>, value: (item: T) => number): number {
  let total = 0
  for (const item of items) total += value(item)
  return total
}
