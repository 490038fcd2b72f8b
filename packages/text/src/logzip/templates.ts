/**
 * Steps D and E of the pipeline: signatures become templates, and each slot of a template gets its column.
 *
 * Signatures with the same delimiters and the same number of tokens join where that costs less than a template of their
 * own; the tokens in which they differ become slots. Neighbouring tokens that spell a time, an IPv4 address or a UUID
 * become one slot. A slot's column is named by the static text before it in its line, so that headers share columns
 * and contents have their own; in JSON it is named by the path of its key.
 */
import { ColumnNamer } from './column-namer.ts'
import { type Draft, findGroups, firstToken, type Group, headerTemplates, lastToken, REST } from './groups.ts'
import { fromLatin1 } from './latin1.ts'
import { TemplateIndex } from './template-index.ts'
import { endAnchor, lineEnd, placeOf, runWords, skeletonsOf, startAnchor, type TokenLine } from './tokens.ts'

/** Static text and slots in turn: `statics[i]` stands before slot i, the last one behind all. */
export interface Template {
  /** One character a byte. */
  statics: string[]
  /** Column of each slot. */
  columns: number[]
  /** Time layout of each slot, '' where it is none. */
  layouts: string[]
  /** The static texts as bytes, once they were asked for. */
  bytes?: Uint8Array[]
}

/** Static texts of a template as bytes. */
export function staticBytes(template: Template): Uint8Array[] {
  template.bytes ??= template.statics.map(fromLatin1)
  return template.bytes
}

/** A signature as the scan found it. */
export interface Signature {
  /** Its static text, with a newline for each slot. */
  key: string
  count: number
  /** Its first line as tokens, made when it is needed. */
  line: () => TokenLine
}

/**
 * Where the slots of a template are in the lines of a signature, five numbers each: column, base and offset of the start,
 * base and offset of the end (see `Anchor`).
 */
export type SlotProgram = readonly number[]

/** What a signature became. */
export interface KnownSignature {
  template: number
  program: SlotProgram
}

export interface TemplateSet {
  templates: Template[]
  /** Number of columns; column 0 holds raw lines. */
  columns: number
}

/** What a chunk's signatures became, in their order. Template 0 is the raw line. */
export interface Assignment {
  set: TemplateSet
  known: KnownSignature[]
}

export const RAW: KnownSignature = { template: 0, program: [] }

/** Joins are looked for among this many templates of the same skeleton. */
const MAX_CANDIDATES = 200
/** Share of tokens two signatures must have in common to join. */
const MIN_SHARED = 0.6

/** Words of JSON that are no keys. Lines with other keys hold other things. */
const LITERALS: ReadonlySet<string> = /* @__PURE__ */ new Set(['true', 'false', 'null'])

/** Columns that objects which are alone with their keys may make: so many, and so many more for each of them. */
const FREE_COLUMNS = 512
const OBJECT_COLUMNS = 0.25

/** The empty set, with the template of raw lines. */
export function emptyTemplates(): TemplateSet {
  return { templates: [{ statics: ['', ''], columns: [0], layouts: [''] }], columns: 1 }
}

/** Templates that stand already, with what is needed to find them again; made once for all chunks of a log. */
export class KnownTemplates {
  readonly set: TemplateSet
  readonly namer: ColumnNamer
  /** Signatures of the chunk that the templates were made of. */
  readonly signatures: ReadonlyMap<string, KnownSignature>
  readonly #ids: Map<string, number> = new Map()
  #index: TemplateIndex | undefined

  constructor(set: TemplateSet, signatures: ReadonlyMap<string, KnownSignature> = new Map()) {
    this.set = set
    this.signatures = signatures
    this.namer = new ColumnNamer()
    for (const [id, template] of set.templates.entries()) {
      if (id === 0) continue
      this.namer.number(template.statics, template.layouts)
      this.#ids.set(templateKey(template), id)
    }
  }

  /** Number of a template with the same texts and layouts. */
  id(key: string): number | undefined {
    return this.#ids.get(key)
  }

  /** The template that all lines of a signature fit. */
  find(line: TokenLine): { id: number; groups: Group[] } | undefined {
    if (this.set.templates.length < 2) return undefined
    this.#index ??= new TemplateIndex(this.set.templates)
    return this.#index.find(line)
  }
}

/**
 * Make templates of signatures.
 *
 * @param signatures of one chunk, in the order of their first line
 * @param prior templates that stand already; their order and columns are kept
 */
export function assignTemplates(signatures: readonly Signature[], prior: KnownTemplates): Assignment {
  const namer = new ColumnNamer(prior.namer)
  const known = new Array<KnownSignature>(signatures.length).fill(RAW)
  const own = new Map<string, number>()
  const templates = [...prior.set.templates]
  const lines: TokenLine[] = []

  const place = (member: number, id: number, groups: readonly Group[]): void => {
    const line = lines[member] as TokenLine
    const template = templates[id] as Template
    const program = slotProgram(line, groups, template.columns)
    // What does not give back its line exactly stays a raw line, whatever went wrong before.
    if (givesBack(line, program, template.statics)) known[member] = { template: id, program }
  }
  const adopt = (draft: Draft, groups: readonly Group[]): void => {
    const parts = templateParts(draft.line, groups)
    const key = templateKey(parts)
    let id = prior.id(key) ?? own.get(key)
    if (id === undefined) {
      id = templates.length
      templates.push({ ...parts, columns: namer.number(parts.statics, parts.layouts) })
      own.set(key, id)
    }
    for (const member of draft.members) place(member, id, groups)
  }

  const open: number[] = []
  // Without pairs of places and values: there are thousands in each chunk.
  for (let i = 0; i < signatures.length; i++) {
    const signature = signatures[i] as Signature
    const met = prior.signatures.get(signature.key)
    if (met !== undefined) {
      known[i] = met
      continue
    }
    const line = signature.line()
    lines[i] = line
    const found = prior.find(line)
    if (found === undefined) open.push(i)
    else place(i, found.id, found.groups)
  }
  const single: Draft[] = []
  const objects: Draft[] = []
  for (const draft of joinSignatures(signatures, lines, open)) {
    if (draft.count > 1) adopt(draft, findGroups(draft))
    else if (isObject(draft.line)) objects.push(draft)
    else single.push(draft)
  }
  // Objects share columns whatever other keys they have, unless the keys themselves are never the same.
  let most = namer.columns + FREE_COLUMNS
  for (const draft of objects) {
    if (namer.columns > most) single.push(draft)
    else adopt(draft, findGroups(draft))
    most += OBJECT_COLUMNS
  }
  for (const [draft, groups] of headerTemplates(single)) adopt(draft, groups)
  return { set: { templates, columns: namer.columns }, known }
}

function templateParts(line: TokenLine, groups: readonly Group[]): Omit<Template, 'columns'> {
  const statics: string[] = []
  const layouts: string[] = []
  let done = 0
  for (const group of groups) {
    statics.push(line.text.slice(done, line.from[firstToken(line, group)]))
    layouts.push(group.layout)
    done = group.layout === REST ? line.text.length : (line.to[lastToken(line, group)] as number)
  }
  statics.push(line.text.slice(done))
  return { statics, layouts }
}

function slotProgram(line: TokenLine, groups: readonly Group[], columns: readonly number[]): SlotProgram {
  const program = new Array<number>(groups.length * 5)
  for (let k = 0; k < groups.length; k++) {
    const group = groups[k] as Group
    const start = startAnchor(line, firstToken(line, group))
    const end = group.layout === REST ? lineEnd(line) : endAnchor(line, lastToken(line, group))
    program[k * 5] = columns[k] as number
    program[k * 5 + 1] = start.base
    program[k * 5 + 2] = start.offset
    program[k * 5 + 3] = end.base
    program[k * 5 + 4] = end.offset
  }
  return program
}

/**
 * Whether static texts and slots of a template give back the lines of a signature. Static text is the same in all of them, so
 * it is enough to look at one, and that no slot of the signature lies between two anchors.
 */
function givesBack(line: TokenLine, program: SlotProgram, statics: readonly string[]): boolean {
  let base = -1
  let at = 0
  for (let k = 0; k < program.length; k += 5) {
    const from = program[k + 1] as number
    const to = program[k + 3] as number
    const start = placeOf(line, from, program[k + 2] as number)
    const end = placeOf(line, to, program[k + 4] as number)
    if (from !== base && !(from === base + 1 && program[k + 2] === 0)) return false
    if (to < from || (to === from && end < start) || (to > 0 && (to & 1) === 0)) return false
    const text = statics[k / 5] as string
    if (start - at !== text.length || !line.text.startsWith(text, at)) return false
    base = to
    at = end
  }
  const tail = statics[program.length / 5]
  return base === 2 * line.slotEnds.length - 1 && line.text.slice(at) === tail
}

function templateKey(template: Omit<Template, 'columns'>): string {
  return `${template.statics.join('\n')}\n${template.layouts.join('\n')}`
}

function joinSignatures(
  signatures: readonly Signature[],
  lines: readonly TokenLine[],
  open: readonly number[],
): Draft[] {
  const order = [...open].sort(
    (a, b) => (signatures[b] as Signature).count - (signatures[a] as Signature).count || a - b,
  )
  const bySkeleton = new Map<string, Draft[]>()
  const drafts: Draft[] = []
  const skeletons = skeletonsOf(order.map((index) => lines[index] as TokenLine))
  for (let i = 0; i < order.length; i++) {
    const index = order[i] as number
    const { count } = signatures[index] as Signature
    const line = lines[index] as TokenLine
    const skeleton = skeletons[i] as string
    let group = bySkeleton.get(skeleton)
    if (group === undefined) bySkeleton.set(skeleton, (group = []))
    const words = runWords(line)
    const home = findHome(group, line, words, count)
    if (home === undefined) {
      const draft: Draft = { line, words, count, members: [index] }
      group.push(draft)
      drafts.push(draft)
    } else {
      for (let i = 0; i < home.words.length; i++) if (home.words[i] !== words[i]) home.words[i] = undefined
      home.count += count
      home.members.push(index)
    }
  }
  return drafts
}

function isObject({ text }: TokenLine): boolean {
  return text.startsWith('{"')
}

function findHome(
  group: readonly Draft[],
  line: TokenLine,
  words: readonly (string | undefined)[],
  count: number,
): Draft | undefined {
  const tokens = words.length
  const isJson = isObject(line)
  for (let g = 0; g < group.length && g < MAX_CANDIDATES; g++) {
    const draft = group[g] as Draft
    let shared = 0
    let fresh = 0
    for (let i = 0; i < tokens; i++) {
      const word = draft.words[i]
      if (word === words[i]) shared++
      else if (word !== undefined) {
        if (isJson && !LITERALS.has(word)) {
          shared = -1
          break
        }
        fresh++
      }
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
