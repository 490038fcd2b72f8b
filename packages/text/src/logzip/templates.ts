/**
 * Steps D and E of the pipeline: signatures become templates, and each slot of a template gets its column.
 *
 * Signatures with the same delimiters and the same number of tokens join where that costs less than a template of their
 * own; the tokens in which they differ become slots. Neighbouring tokens that spell a time, an IPv4 address or a UUID
 * become one slot. A slot's column is named by the static text before it in its line, so that headers share columns
 * and contents have their own; in JSON it is named by the path of its key.
 */
import { TemplateIndex } from './template-index.ts'
import { matchLayout } from './timestamps.ts'
import { type Anchor, endAnchor, lineEnd, startAnchor, type TokenLine } from './tokens.ts'

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
  const index = new TemplateIndex(prior.templates)
  const namer = new ColumnNamer(prior)
  const templateOf = new Array<number>(signatures.length).fill(0)
  const places = new Array<SlotPlace[]>(signatures.length).fill([])
  const known = new Map<string, number>()
  for (const [id, template] of prior.templates.entries()) if (id > 0) known.set(templateKey(template), id)

  const templates = [...prior.templates]
  const place = (member: number, id: number, groups: readonly Group[]): void => {
    const line = (signatures[member] as Signature).line
    const columns = (templates[id] as Template).columns
    templateOf[member] = id
    places[member] = groups.map((group, k) => ({
      column: columns[k] as number,
      start: startAnchor(line, firstToken(line, group)),
      end: group.layout === REST ? lineEnd(line) : endAnchor(line, lastToken(line, group)),
    }))
  }
  const adopt = (draft: Draft, groups: readonly Group[]): void => {
    const template = namer.template(draft.line, groups)
    const key = templateKey(template)
    let id = known.get(key)
    if (id === undefined) {
      id = templates.length
      templates.push(template)
      known.set(key, id)
    }
    for (const member of draft.members) place(member, id, groups)
  }

  const open: number[] = []
  for (const [i, { line }] of signatures.entries()) {
    const found = prior.templates.length > 1 ? index.find(line) : undefined
    if (found === undefined) open.push(i)
    else place(i, found.id, found.groups)
  }
  const drafts = joinSignatures(signatures, open)
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

function joinSignatures(signatures: readonly Signature[], open: readonly number[]): Draft[] {
  const order = [...open].sort((a, b) => (signatures[b] as Signature).count - (signatures[a] as Signature).count || a - b)
  const bySkeleton = new Map<string, Draft[]>()
  const drafts: Draft[] = []
  for (const index of order) {
    const { line, count } = signatures[index] as Signature
    let group = bySkeleton.get(line.skeleton)
    if (group === undefined) bySkeleton.set(line.skeleton, (group = []))
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

function firstToken(line: TokenLine, group: Group): number {
  return (line.runs[group.from] as number) + group.first
}

function lastToken(line: TokenLine, group: Group): number {
  return group.last < 0 ? (line.runs[group.to + 1] as number) - 1 : (line.runs[group.to] as number) + group.last
}

const IPV4 = /\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![.\d])/y

/** Slots of a draft, with times and addresses as one. */
function findGroups({ line, words }: Draft): Group[] {
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
    if (to !== undefined && holdsSlot(words, run, to)) return { from: run, to, first: 0, last: -1, layout: match.layout }
    return undefined
  }
  if (!digit || line.text.charCodeAt(at - 1) === 46) return undefined
  IPV4.lastIndex = at
  if (!IPV4.test(line.text)) return undefined
  const to = runEndingAt(line, run, IPV4.lastIndex)
  return to !== undefined && holdsSlot(words, run, to) ? { from: run, to, first: 0, last: -1, layout: '' } : undefined
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
      const rest = { from: best.run, to: best.run, first: 0, last: -1, layout: REST }
      found.set(best.key, [{ ...draft, members: [...draft.members] }, [...best.groups.slice(0, best.used), rest]])
    } else {
      home[0].count += draft.count
      home[0].members.push(...draft.members)
    }
  }
  return [...found.values()]
}

interface HeaderPrefix {
  key: string
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
  let key = ''
  let done = 0
  let used = 0
  for (let run = 1; run < draft.words.length && used <= 12; run++) {
    while (used < groups.length && (groups[used] as Group).to < run) {
      const group = groups[used] as Group
      key += `${line.text.slice(done, line.from[firstToken(line, group)])}\0${group.layout}\0`
      done = line.to[lastToken(line, group)] as number
      used++
    }
    if (used === 0 || (used < groups.length && (groups[used] as Group).from < run)) continue
    prefixes.push({ key: key + line.text.slice(done, line.from[line.runs[run] as number]), run, groups, used })
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
      statics.push(line.text.slice(done, line.from[firstToken(line, group)]))
      layouts.push(group.layout)
      done = group.layout === REST ? line.text.length : (line.to[lastToken(line, group)] as number)
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
