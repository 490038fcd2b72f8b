/** TREC's files: documents in SGML, topics. */
import type { ByteSource, Source } from '@pith/core'
import { lineError, nameOf, readLines, type TextOptions } from '../lines.ts'
import type { IndexDocument, IndexQuery } from '../types.ts'
import { htmlText, readHtml } from './html.ts'
import { collapse } from './text.ts'

/** Most characters of one document. */
const MAX_RECORD = 2 ** 26
/** Longest value of an element that becomes a field. */
const MAX_FIELD = 200

const IDS: ReadonlySet<string> = new Set(['docno', 'docid'])
const TITLES: ReadonlySet<string> = new Set(['title', 'headline', 'head', 'hl', 'ttl', 'ti'])
/** Elements that are neither text nor fields. */
const ASIDE: ReadonlySet<string> = new Set(['dochdr', 'docoldno', 'parent', 'fileid'])

/**
 * Documents of a TREC file, `<DOC> <DOCNO>id</DOCNO> ... </DOC>` behind each other: titles are TITLE, HEADLINE and their
 * like; the text is what stands in TEXT, or all else where there is none; other short elements are fields.
 *
 * @throws PithError `PITH_CORRUPT` a document without an id · `PITH_TRUNCATED` one that does not end, with the line; as `readLines`
 */
export async function* readTrec(
  source: ByteSource | Source,
  options: TextOptions = {},
): AsyncGenerator<IndexDocument, void, undefined> {
  const name = nameOf(source as Source, options)
  for await (const { text, line } of records(source, 'doc', name, options)) {
    const parts = elementsOf(text)
    const id = parts.find((part) => IDS.has(part.name))
    const own = id === undefined ? '' : collapse(text.slice(id.from, id.to))
    if (own === '') throw lineError('PITH_CORRUPT', name, line, 'starts a document without a DOCNO')
    yield documentOf(own, text, parts)
  }
}

/**
 * Queries of a TREC file of topics, `<top> <num> Number: 301 <title> ... </top>`: the id is the number, the text the title.
 *
 * @throws PithError `PITH_CORRUPT` a topic without a number · `PITH_TRUNCATED` one that does not end, with the line; as `readLines`
 */
export async function* readTopics(
  source: ByteSource | Source,
  options: TextOptions = {},
): AsyncGenerator<IndexQuery, void, undefined> {
  const name = nameOf(source as Source, options)
  for await (const { text, line } of records(source, 'top', name, options)) {
    const part = (tag: string, label: RegExp): string => {
      const from = text.search(new RegExp(`<${tag}>`, 'i'))
      if (from < 0) return ''
      const rest = text.slice(from + tag.length + 2)
      const end = rest.indexOf('<')
      return collapse(end < 0 ? rest : rest.slice(0, end)).replace(label, '')
    }
    const id = part('num', /^Number:\s*/i)
    if (id === '') throw lineError('PITH_CORRUPT', name, line, 'starts a topic without a number')
    yield { id, text: part('title', /^Topic:\s*/i) }
  }
}

/** What stands between `<tag>` and `</tag>`, one after the other, and the line where it starts. */
async function* records(
  source: ByteSource | Source,
  tag: string,
  name: string,
  options: TextOptions,
): AsyncGenerator<{ text: string; line: number }, void, undefined> {
  const start = new RegExp(`<${tag}>`, 'i')
  const end = new RegExp(`</${tag}>`, 'i')
  let open: { parts: string[]; length: number; line: number } | undefined
  for await (const { first, lines } of readLines(source, options)) {
    for (const [i, line] of lines.entries()) {
      let rest = line
      for (;;) {
        const mark = (open === undefined ? start : end).exec(rest)
        const taken: string = mark === null ? rest : rest.slice(0, mark.index)
        if (open !== undefined) {
          open.parts.push(taken)
          open.length += taken.length + 1
          if (open.length > MAX_RECORD) {
            throw lineError('PITH_LIMIT', name, open.line, `starts a <${tag}> of more than ${MAX_RECORD} characters`)
          }
        }
        if (mark === null) break
        if (open !== undefined) yield { text: open.parts.join('\n'), line: open.line }
        open = open === undefined ? { parts: [], length: 0, line: first + i } : undefined
        rest = rest.slice(mark.index + mark[0].length)
      }
    }
  }
  if (open !== undefined) throw lineError('PITH_TRUNCATED', name, open.line, `starts a <${tag}> that does not end`)
}

/** An element directly below the document: where its content stands, and where it ends with its tags. */
interface Element {
  readonly name: string
  readonly start: number
  readonly from: number
  readonly to: number
  readonly end: number
}

/** Elements that are closed, none within another; tags that nothing closes are passed over. */
function elementsOf(text: string): Element[] {
  const opens = [...text.matchAll(/<([A-Za-z][\w-]*)[^<>]*>/g)]
  const closes = new Map<string, { at: number; end: number }[]>()
  for (const match of text.matchAll(/<\/([A-Za-z][\w-]*)\s*>/g)) {
    const name = (match[1] as string).toLowerCase()
    const own = { at: match.index, end: match.index + match[0].length }
    const all = closes.get(name)
    if (all === undefined) closes.set(name, [own])
    else all.push(own)
  }
  // Each list of ends is walked once, as the starts ascend.
  const cursors = new Map<string, number>()
  const elements: Element[] = []
  let behind = 0
  for (const match of opens) {
    if (match.index < behind) continue
    const name = (match[1] as string).toLowerCase()
    const from = match.index + match[0].length
    const ends = closes.get(name) ?? []
    let cursor = cursors.get(name) ?? 0
    while (cursor < ends.length && (ends[cursor] as { at: number }).at < from) cursor++
    cursors.set(name, cursor)
    const close = ends[cursor]
    if (close === undefined) continue
    elements.push({ name, start: match.index, from, to: close.at, end: close.end })
    behind = close.end
  }
  return elements
}

function documentOf(id: string, text: string, elements: readonly Element[]): IndexDocument {
  const shown = ({ from, to }: Element): string => collapse(htmlText(text.slice(from, to)))
  const texts = elements.filter(({ name }) => name === 'text')
  const page = texts.length > 0 ? undefined : readHtml(restOf(text, elements))
  const titles = elements.filter(({ name }) => TITLES.has(name)).map(shown)
  const title = titles.join(' ') || (page?.title ?? '')
  const body =
    page === undefined ? texts.map(shown).join('\n') : collapse(page.blocks.map((own) => own.text).join('\n'))
  const fields = new Map<string, string>()
  for (const element of texts.length > 0 ? elements : []) {
    const { name, from, to } = element
    if (IDS.has(name) || TITLES.has(name) || ASIDE.has(name) || name === 'text' || fields.has(name)) continue
    const value = to - from <= 4 * MAX_FIELD ? shown(element) : ''
    if (value !== '' && value.length <= MAX_FIELD) fields.set(name, value)
  }
  return {
    id,
    ...(title === '' ? {} : { title }),
    text: body,
    ...(fields.size === 0 ? {} : { fields: Object.fromEntries(fields) }),
  }
}

/** The document without its id, its titles and what stands aside. */
function restOf(text: string, elements: readonly Element[]): string {
  const parts: string[] = []
  let at = 0
  for (const { name, start, end } of elements) {
    if (!IDS.has(name) && !TITLES.has(name) && !ASIDE.has(name)) continue
    parts.push(text.slice(at, start))
    at = end
  }
  parts.push(text.slice(at))
  return parts.join(' ')
}
