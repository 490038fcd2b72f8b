/** Which parts of the lines of a draft become slots. */
import { matchLayout } from './timestamps.ts'
import type { TokenLine } from './tokens.ts'

/** Layout of a slot that takes the rest of its line. */
export const REST: string = '*'

/** A template in the making: signatures that have joined. */
export interface Draft {
  /** Representative: its most frequent signature. */
  line: TokenLine
  words: (string | undefined)[]
  count: number
  members: number[]
}

/** Part of a line that is one slot: runs `from`..`to`, within them the tokens from `first` of the first to `last` of the last run. */
export interface Group {
  from: number
  to: number
  /** Token of run `from`, counted from its first. */
  first: number
  /** Token of run `to`, counted from its first; -1 is its last, whichever that is in a line. */
  last: number
  layout: string
}

/** The tokens `first`..`last` of a line as a group. */
export function groupOf(line: TokenLine, first: number, last: number, layout: string): Group {
  let from = 0
  while ((line.runs[from + 1] as number) <= first) from++
  let to = from
  while ((line.runs[to + 1] as number) <= last) to++
  const start = line.runs[from] as number
  return { from, to, first: first - start, last: last - (line.runs[to] as number), layout }
}

export function firstToken(line: TokenLine, group: Group): number {
  return (line.runs[group.from] as number) + group.first
}

export function lastToken(line: TokenLine, group: Group): number {
  return group.last < 0 ? (line.runs[group.to + 1] as number) - 1 : (line.runs[group.to] as number) + group.last
}

const IPV4 = /\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![.\d])/y

/** A version of a package with its revision: `1:9.2p1-2+deb12u3`. */
const VERSION = /(?:\d{1,2}:)?\d+(?:\.\w+)+[-+~][\w.+~-]*/y

/** Slots of a draft, with times and addresses as one. */
export function findGroups({ line, words }: Draft): Group[] {
  const groups: Group[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i]
    const composite = findComposite(line, words, i)
    if (composite !== undefined) {
      groups.push(composite)
      i = composite.to
    } else if (word === undefined) groups.push({ from: i, to: i, first: 0, last: -1, layout: '' })
    else if (word.includes('\0')) groups.push(...innerGroups(line, i))
  }
  return groups
}

/** The slots of a run whose words are the same in all lines. */
function innerGroups(line: TokenLine, run: number): Group[] {
  const start = line.runs[run] as number
  const groups: Group[] = []
  for (let token = start; token < (line.runs[run + 1] as number); token++) {
    if ((line.slots[token] as number) < 0) continue
    groups.push({ from: run, to: run, first: token - start, last: token - start, layout: '' })
  }
  return groups
}

function findComposite(line: TokenLine, words: readonly (string | undefined)[], run: number): Group | undefined {
  const at = line.from[line.runs[run] as number] as number
  const c = line.text.charCodeAt(at)
  const digit = c >= 48 && c <= 57
  if (!digit && !isDateName(words[run])) return undefined
  const match = matchLayout(line.text, at)
  if (match !== undefined) {
    const to = runEndingAt(line, run, at + match.length)
    if (to !== undefined && holdsSlot(words, run, to))
      return { from: run, to, first: 0, last: -1, layout: match.layout }
    return undefined
  }
  if (!digit || line.text.charCodeAt(at - 1) === 46) return undefined
  const end = endOf(IPV4, line.text, at) ?? endOfVersion(line.text, at)
  if (end === undefined) return undefined
  const to = runEndingAt(line, run, end)
  return to !== undefined && holdsSlot(words, run, to) ? { from: run, to, first: 0, last: -1, layout: '' } : undefined
}

function endOf(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : undefined
}

/** End of the only version of a line: it comes again in other lines as a whole. Of two, the numbers of one tell those of the other. */
function endOfVersion(text: string, at: number): number | undefined {
  const end = endOf(VERSION, text, at)
  if (end === undefined) return undefined
  for (let i = end; i < text.length; i++)
    if (isVersionStart(text, i) && endOf(VERSION, text, i) !== undefined) return undefined
  for (let i = 0; i < at; i++) if (isVersionStart(text, i) && endOf(VERSION, text, i) !== undefined) return undefined
  return end
}

/** Whether a token that starts with a digit starts there. */
function isVersionStart(text: string, at: number): boolean {
  const c = text.charCodeAt(at)
  return c >= 48 && c <= 57 && !/[\w.+~-]/.test(text.charAt(at - 1))
}

function isDateName(word: string | undefined): boolean {
  return word === undefined || (word.length === 3 && /^[JFMASONDTW][a-z]{2}$/.test(word))
}

/** The run, from `run` on, whose last token ends at `end`. */
function runEndingAt(line: TokenLine, run: number, end: number): number | undefined {
  for (let r = run; r + 1 < line.runs.length; r++) {
    const own = line.to[(line.runs[r + 1] as number) - 1] as number
    if (own === end) return r
    if (own > end) return undefined
  }
  return undefined
}

function holdsSlot(words: readonly (string | undefined)[], from: number, to: number): boolean {
  for (let r = from; r <= to; r++) if (words[r] === undefined || words[r]?.includes('\0')) return true
  return false
}

/**
 * Lines that no template fits share at least their header: the longest beginning that three or more of them have in
 * common becomes a template whose last slot is the rest of the line. The slots are those of each draft itself, since the
 * same beginning may be another number of runs (an address is four, a number one).
 */
export function headerTemplates(single: readonly Draft[]): [Draft, Group[]][] {
  const counts = new Map<number, number>()
  const all = single.map((draft) => headerPrefixes(draft))
  for (const prefixes of all) for (const { key } of prefixes) counts.set(key, (counts.get(key) ?? 0) + 1)
  const found: [Draft, Group[]][] = []
  for (let i = 0; i < single.length; i++) {
    const draft = single[i] as Draft
    const best = (all[i] as HeaderPrefix[]).findLast(({ key }) => (counts.get(key) as number) >= 3)
    if (best === undefined) continue
    const rest = { from: best.run, to: best.run, first: 0, last: -1, layout: REST }
    found.push([draft, [...best.groups.slice(0, best.used), rest]])
  }
  return found
}

interface HeaderPrefix {
  /** Hash of its static texts and layouts; two that share one by chance only make a template that is of less use. */
  key: number
  /** Run behind the beginning. */
  run: number
  groups: readonly Group[]
  used: number
}

/** Beginnings of at most 12 slots, each ending before a run, that hold at least one slot. */
function headerPrefixes(draft: Draft): HeaderPrefix[] {
  const { line } = draft
  const prefixes: HeaderPrefix[] = []
  const groups = findGroups(draft)
  let key = FNV_BASIS
  let done = 0
  let used = 0
  for (let run = 1; run < draft.words.length && used <= 12; run++) {
    while (used < groups.length && (groups[used] as Group).to < run) {
      const group = groups[used] as Group
      key = hashText(key, line.text, done, line.from[firstToken(line, group)] as number)
      key = hashText(Math.imul(key, FNV_PRIME), group.layout, 0, group.layout.length)
      done = line.to[lastToken(line, group)] as number
      used++
    }
    if (used === 0 || (used < groups.length && (groups[used] as Group).from < run)) continue
    const from = line.from[line.runs[run] as number] as number
    key = hashText(key, line.text, done, from)
    done = from
    prefixes.push({ key, run, groups, used })
  }
  return prefixes
}

const FNV_BASIS = 0x811c9dc5 | 0
const FNV_PRIME = 0x01000193

/** FNV-1a, continued over a part of a text. */
function hashText(hash: number, text: string, from: number, to: number): number {
  let h = hash
  for (let i = from; i < to; i++) h = Math.imul(h ^ text.charCodeAt(i), FNV_PRIME)
  return h
}
