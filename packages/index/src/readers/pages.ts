/** A file of text, Markdown or HTML as documents: one for each passage. */
import { type ByteSource, isPithError, type Limits, PithError, readAll, resolveLimits, type Source } from '@pith/core'
import { encodingOf, type TextOptions } from '../lines.ts'
import type { FieldValue, IndexDocument } from '../types.ts'
import { type Page, readHtml } from './html.ts'
import { readMarkdown, readPlainText } from './markdown.ts'
import { cutPassages, type PassageSizes } from './passages.ts'

/** How a page is read. */
export interface PageOptions extends TextOptions {
  /** Sizes of the passages. */
  passages?: PassageSizes
  /** `memoryBytes` bounds the size of a page, which is at most 64 MiB. */
  limits?: Partial<Limits>
}

const MAX_PAGE_BYTES = 2 ** 26

type PageKind = 'markdown' | 'html' | 'text'

const KINDS: Readonly<Record<string, PageKind>> = {
  md: 'markdown',
  markdown: 'markdown',
  mdx: 'markdown',
  html: 'html',
  htm: 'html',
  xhtml: 'html',
  txt: 'text',
  text: 'text',
  rst: 'text',
}

/** What kind of page a file is by its name; undefined where it is none. */
export function pageKind(path: string): PageKind | undefined {
  const ending = /\.([A-Za-z]+)$/.exec(path)?.[1]?.toLowerCase() ?? ''
  return Object.hasOwn(KINDS, ending) ? KINDS[ending] : undefined
}

/**
 * Documents of a page, one for each passage. Ids are `path#anchor`, `path` before the first heading, with `~2`, `~3` where a
 * section was cut. Fields are those of the front matter or of the page's meta tags, and `path`, `link` (where a browser finds
 * the passage) and `heading`. Titles name the page and the headings above the passage.
 *
 * @param path  of the file as ids and links shall have it, with `/`
 * @throws PithError `PITH_LIMIT` a page above 64 MiB or `limits.memoryBytes`; what the source gives
 */
export async function* readPage(
  source: ByteSource | Source,
  path: string,
  options: PageOptions = {},
): AsyncGenerator<IndexDocument, void, undefined> {
  const { memoryBytes } = resolveLimits(options.limits)
  const { signal } = options
  const maxBytes = Math.min(memoryBytes, MAX_PAGE_BYTES)
  let bytes: Uint8Array
  try {
    bytes = await readAll(source, { maxBytes, ...(signal === undefined ? {} : { signal }) })
  } catch (cause) {
    if (!isPithError(cause, 'PITH_LIMIT')) throw cause
    throw new PithError('PITH_LIMIT', `${path} is longer than ${maxBytes} bytes`, {
      hint: 'Leave it out, or make several pages of it.',
      at: { entry: path },
      cause,
    })
  }
  yield* pageDocuments(new TextDecoder(encodingOf(bytes)).decode(bytes), path, options.passages)
}

/** As {@link readPage}, of a text in memory. */
export function pageDocuments(text: string, path: string, sizes: PassageSizes = {}): IndexDocument[] {
  const kind = pageKind(path) ?? 'text'
  const page = kind === 'html' ? readHtml(text) : kind === 'markdown' ? readMarkdown(text) : readPlainText(text)
  const ids = new Set(page.blocks.map(({ id }) => id))
  const title = titleOf(page, path)
  return cutPassages(page.blocks, sizes).map(({ headings, anchor, part, text: own }) => {
    const above = headings[0] === title ? headings.slice(1) : headings
    // What makes pages of Markdown gives anchors to all headings; HTML has those that it has.
    const hasAnchor = anchor !== undefined && (kind === 'markdown' || ids.has(anchor))
    const fields: Record<string, FieldValue> = {
      ...page.fields,
      path,
      link: hasAnchor ? `${linkOf(path)}#${encoded(anchor)}` : linkOf(path),
      ...(headings.length === 0 ? {} : { heading: headings.at(-1) as string }),
    }
    const id = `${path}${anchor === undefined ? '' : `#${anchor}`}${part === 1 ? '' : `~${part}`}`
    return { id, title: [title, ...above].join(' › '), text: own, fields }
  })
}

/** The path as an address relative to the folder, also where its names hold colons, spaces or number signs. */
function linkOf(path: string): string {
  return path.split('/').map(encoded).join('/')
}

function encoded(part: string): string {
  // Halves of a character have no bytes.
  return encodeURIComponent(part.replace(/\p{Surrogate}/gu, '\ufffd'))
}

function titleOf({ title, blocks }: Page, path: string): string {
  return title ?? blocks.find(({ level }) => level === 1)?.text ?? (path.split('/').at(-1) as string)
}
