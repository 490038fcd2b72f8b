/**
 * Steps D and E of the pipeline: signatures become templates, and each slot of a template gets its column.
 *
 * Signatures with the same delimiters and the same number of tokens join where that costs less than a template of their
 * own; the tokens in which they differ become slots. Neighbouring tokens that spell a time, an IPv4 address or a UUID
 * become one slot. A slot's column is named by the static text before it in its line, so that headers share columns
 * and contents have their own; in JSON it is named by the path of its key.
 */
import { type LayoutMatch, matchLayout } from './timestamps.ts'
import type { Anchor, TokenLine } from './tokens.ts'

/** Static text and slots in turn: `statics[i]` stands before slot i, the last one behind all. */
export interface Template {
  /** One character a byte. */
  statics: string[]
  /** Column of each slot. */
  columns: number[]
  /** Time layout of each slot, '' where it is none. */
  layouts: string[]
}

/** One slot of one signature's lines: its column and where its bytes are. */
export interface SlotPlace {
  column: number
  start: Anchor
  end: Anchor
}

/** A signature as the scan found it. */
export interface Signature {
  line: TokenLine
  count: number
}

export interface TemplateSet {
  templates: Template[]
  /** Number of columns; column 0 holds raw lines. */
  columns: number
}

/** What a chunk's signatures became. Template 0 is the raw line. */
export interface Assignment {
  set: TemplateSet
  /** Template of each signature. */
  templateOf: number[]
  /** Slots of each signature, in the order of its template's slots. */
  places: SlotPlace[][]
}

/** Joins are looked for among this many templates of the same skeleton. */
const MAX_CANDIDATES = 200
/** Share of tokens two signatures must have in common to join. */
const MIN_SHARED = 0.6

/** Layout of a slot that takes the rest of its line. */
export const REST: string = '*'

interface Draft {
  /** Representative: its most frequent signature. */
  line: TokenLine
  words: (string | undefined)[]
  count: number
  members: number[]
}

/** The empty set, with the template of raw lines. */
export function emptyTemplates(): TemplateSet {
  return { templates: [{ statics: ['', ''], columns: [0], layouts: [''] }], columns: 1 }
}

/**
 * Make templates of signatures.
 *
 * @param signatures of one chunk, in the order of their first line
 * @param prior templates that stand already, their order and columns are kept
 */
export function assignTemplates(signatures: readonly Signature[], prior: TemplateSet): Assignment {
  const namer = new ColumnNamer(prior)
  const templateOf = new Array<number>(signatures.length).fill(0)
  const places = new Array<SlotPlace[]>(signatures.length).fill([])
  const known = new Map<string, number>()
  for (const [id, template] of prior.templates.entries()) if (id > 0) known.set(templateKey(template), id)

  const templates = [...prior.templates]
  const adopt = (draft: Draft, groups: readonly Group[]): void => {
    const template = namer.template(draft.line, groups)
    const key = templateKey(template)
    let id = known.get(key)
    if (id === undefined) {
      id = templates.length
      templates.push(template)
      known.set(key, id)
    }
    const columns = (templates[id] as Template).columns
    for (const member of draft.members) {
      const line = (signatures[member] as Signature).line
      templateOf[member] = id
      places[member] = groups.map((group, k) => ({
        column: columns[k] as number,
        start: line.starts[group.from] as Anchor,
        end: group.layout === REST ? lineEnd(line) : (line.ends[group.to] as Anchor),
      }))
    }
  }

  const drafts = joinSignatures(signatures)
  const single: Draft[] = []
  const plain: [Draft, Group[]][] = []
  for (const draft of drafts) {
    if (draft.count < 2) single.push(draft)
    else plain.push([draft, findGroups(draft)])
  }
  for (const [draft, groups] of plain) adopt(draft, groups)
  for (const [draft, groups] of headerTemplates(single)) adopt(draft, groups)
  return { set: { templates, columns: namer.columns }, templateOf, places }
}

function templateKey(template: Template): string {
  return `${template.statics.join('\n')}\n${template.layouts.join('\n')}`
}

/** The end of a line as an anchor: behind its last token comes only static text. */
function lineEnd(line: TokenLine): Anchor {
  const last = line.ends.length - 1
  const tail = (line.delimiters.at(-1) as string).length
  const end = line.ends[last]
  return end === undefined ? { base: -1, offset: tail } : { base: end.base, offset: end.offset + tail }
}

function joinSignatures(signatures: readonly Signature[]): Draft[] {
  const order = signatures.map((_, i) => i)
  order.sort((a, b) => (signatures[b] as Signature).count - (signatures[a] as Signature).count || a - b)
  const bySkeleton = new Map<string, Draft[]>()
  const drafts: Draft[] = []
  for (const index of order) {
    const { line, count } = signatures[index] as Signature
    const skeleton = line.delimiters.join('\n')
    let group = bySkeleton.get(skeleton)
    if (group === undefined) bySkeleton.set(skeleton, (group = []))
    const home = findHome(group, line, count)
    if (home === undefined) {
      const draft: Draft = { line, words: [...line.words], count, members: [index] }
      group.push(draft)
      drafts.push(draft)
    } else {
      for (let i = 0; i < home.words.length; i++) if (home.words[i] !== line.words[i]) home.words[i] = undefined
      home.count += count
      home.members.push(index)
    }
  }
  return drafts
}

function findHome(group: readonly Draft[], line: TokenLine, count: number): Draft | undefined {
  const tokens = line.words.length
  for (let g = 0; g < group.length && g < MAX_CANDIDATES; g++) {
    const draft = group[g] as Draft
    let shared = 0
    let fresh = 0
    for (let i = 0; i < tokens; i++) {
      if (draft.words[i] === line.words[i]) shared++
      else if (draft.words[i] !== undefined) fresh++
    }
    if (shared < tokens * MIN_SHARED) continue
    // Minimum description length: the text of a template of its own against the choice of a word in every line.
    const saved = 0.35 * line.text.length + 2
    const small = Math.min(count, draft.count)
    const choices = fresh * small * (2 + log2Ratio(draft.count + count, small)) * 0.5
    if (choices < saved * 8) return draft
  }
  return undefined
}

/** Integer part of log2(a / b), without a function that engines compute differently. */
function log2Ratio(a: number, b: number): number {
  return Math.clz32(b) - Math.clz32(a)
}

/** Tokens `from`..`to` of a line that are one slot; `to` past the last token means to the end of the line. */
interface Group {
  from: number
  to: number
  layout: string
}

const IPV4 = /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/
const UUID = /^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$/

/** Slots of a draft, with times, addresses and UUIDs as one. */
function findGroups(draft: Draft, stop: number = draft.words.length): Group[] {
  const { line, words } = draft
  const groups: Group[] = []
  for (let i = 0; i < stop; i++) {
    const composite = findComposite(line, words, i)
    if (composite !== undefined && composite.to < stop) {
      groups.push(composite)
      i = composite.to
    } else if (words[i] === undefined) groups.push({ from: i, to: i, layout: '' })
  }
  return groups
}

function findComposite(line: TokenLine, words: readonly (string | undefined)[], i: number): Group | undefined {
  const at = line.from[i] as number
  const c = line.text.charCodeAt(at)
  const digit = c >= 48 && c <= 57
  const next = line.delimiters[i + 1] as string
  const time = digit || isDateName(words[i]) ? findTime(line, at, i) : undefined
  if (time !== undefined) {
    for (let j = i; j <= time.to; j++) if (words[j] === undefined) return time
    return undefined
  }
  if (words[i] !== undefined && !(next === '-' && words[i]?.length === 8)) return undefined
  if (next === '.' && digit) {
    const to = i + 3
    if (to < words.length && !(line.delimiters[i] as string).endsWith('.') && line.delimiters[to + 1]?.[0] !== '.') {
      if (IPV4.test(line.text.slice(at, line.to[to]))) return { from: i, to, layout: '' }
    }
  } else if (next === '-') {
    const to = i + 4
    if (to < words.length && UUID.test(line.text.slice(at, line.to[to]))) return { from: i, to, layout: '' }
  }
  return undefined
}

function isDateName(word: string | undefined): boolean {
  return word !== undefined && word.length === 3 && /^[JFMASONDTW][a-z]{2}$/.test(word)
}

/** Layouts found, by the line they were found in: signatures share headers. */
function findTime(line: TokenLine, at: number, first: number): Group | undefined {
  const match: LayoutMatch | undefined = matchLayout(line.text, at)
  if (match === undefined) return undefined
  const end = at + match.length
  for (let j = first; j < line.to.length; j++) {
    if (line.to[j] === end) return { from: first, to: j, layout: match.layout }
    if ((line.to[j] as number) > end) break
  }
  return undefined
}

/**
 * Lines that no template fits share at least their header: the longest beginning that three or more of them have in
 * common becomes a template whose last slot is the rest of the line.
 */
function headerTemplates(single: readonly Draft[]): [Draft, Group[]][] {
  const counts = new Map<string, number>()
  const all = single.map((draft) => headerPrefixes(draft))
  for (const prefixes of all) for (const { key } of prefixes) counts.set(key, (counts.get(key) ?? 0) + 1)
  const found = new Map<string, [Draft, Group[]]>()
  for (const [i, draft] of single.entries()) {
    const prefixes = all[i] as HeaderPrefix[]
    const best = prefixes.findLast(({ key }) => (counts.get(key) as number) >= 3)
    if (best === undefined) continue
    const home = found.get(best.key)
    if (home === undefined) {
      found.set(best.key, [{ ...draft, members: [...draft.members] }, [...best.groups, best.rest]])
    } else {
      home[0].count += draft.count
      home[0].members.push(...draft.members)
    }
  }
  return [...found.values()]
}

interface HeaderPrefix {
  key: string
  groups: Group[]
  rest: Group
}

/** Beginnings of at most 12 slots, each ending before a token, that hold at least one slot. */
function headerPrefixes(draft: Draft): HeaderPrefix[] {
  const { line } = draft
  const prefixes: HeaderPrefix[] = []
  const groups = findGroups(draft)
  let key = ''
  let done = 0
  let used = 0
  for (let i = 1; i < line.words.length && used <= 12; i++) {
    while (used < groups.length && (groups[used] as Group).to < i) {
      const group = groups[used] as Group
      key += `${line.text.slice(done, line.from[group.from])}\0${group.layout}\0`
      done = line.to[group.to] as number
      used++
    }
    if (used === 0 || (used < groups.length && (groups[used] as Group).from < i)) continue
    prefixes.push({
      key: key + line.text.slice(done, line.from[i]),
      groups: groups.slice(0, used),
      rest: { from: i, to: line.words.length, layout: REST },
    })
  }
  return prefixes
}

/**
 * Gives columns their numbers. A slot's column is named by everything before it in its template: the static texts and the
 * layouts of the slots, its own layout last. In a template that starts with `{` it is named by the path of the JSON key
 * instead. A name that comes again in the same template is another column. Names get numbers in the order of templates
 * and slots, from 1.
 */
export class ColumnNamer {
  columns: number = 1
  readonly #names: Map<string, number> = new Map()
  readonly #nodes: Map<string, number> = new Map()

  constructor(prior: TemplateSet) {
    for (const template of prior.templates.slice(1)) this.number(template.statics, template.layouts)
  }

  /** Columns of a template's slots. */
  number(statics: readonly string[], layouts: readonly string[]): number[] {
    const path = (statics[0] as string).startsWith('{') ? new JsonPath() : undefined
    const seen = new Map<string, number>()
    let node = 0
    return layouts.map((layout, k) => {
      let name: string
      if (path !== undefined) name = `${path.advance(statics[k] as string)}\0${layout}`
      else {
        node = intern(this.#nodes, `${node}\0${statics[k]}\0${layout}`)
        name = String(node)
      }
      const times = seen.get(name) ?? 0
      seen.set(name, times + 1)
      const known = this.#names.size
      const column = intern(this.#names, `${name}\0${times}`)
      if (this.#names.size > known) this.columns = column + 1
      return column
    })
  }

  template(line: TokenLine, groups: readonly Group[]): Template {
    const statics: string[] = []
    const layouts: string[] = []
    let done = 0
    for (const group of groups) {
      statics.push(line.text.slice(done, line.from[group.from]))
      layouts.push(group.layout)
      done = group.layout === REST ? line.text.length : (line.to[group.to] as number)
    }
    statics.push(line.text.slice(done))
    return { statics, columns: this.number(statics, layouts), layouts }
  }
}

/** Number of a name, from 1; a new one gets the next. */
function intern(names: Map<string, number>, name: string): number {
  let id = names.get(name)
  if (id === undefined) names.set(name, (id = names.size + 1))
  return id
}

/** Follows the keys that lead to a value through the static text of a JSON line. */
class JsonPath {
  readonly #keys: string[] = []
  #key: string = ''

  /** Read the text up to the next slot; returns the path of the value there. */
  advance(text: string): string {
    const token = /"((?:[^"\\]|\\.)*)":|[{}[\]]/g
    for (let match = token.exec(text); match !== null; match = token.exec(text)) {
      const found = match[0]
      if (match[1] !== undefined) this.#key = match[1]
      else if (found === '{' || found === '[') this.#keys.push(this.#key)
      else this.#key = this.#keys.pop() ?? ''
    }
    return `${this.#keys.join('\0')}\0${this.#key}`
  }
}
