/** Tags and texts of HTML in the order in which they stand, in time linear in its length, whatever it is. */
import { decodeEntities } from './html-entities.ts'

/** A piece of a page. */
export type HtmlToken =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'start'; readonly name: string; readonly attributes: ReadonlyMap<string, string> }
  | { readonly kind: 'end'; readonly name: string }

/** Elements whose content is text, whatever it looks like. */
const RAW: ReadonlySet<string> = new Set([
  'script',
  'style',
  'textarea',
  'title',
  'xmp',
  'iframe',
  'noembed',
  'noframes',
])
const MAX_ATTRIBUTES = 256

const NAME = /[A-Za-z][^\s/>]*/y
const ATTRIBUTE = /[\s/]*([^\s"'<>/=][^\s"'<>/=]*|["'=<])(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"'][^\s>]*)))?/y

/** Split HTML into tags and texts; comments and declarations are left out, names are in lower case. */
export function* htmlTokens(html: string): Generator<HtmlToken, void, undefined> {
  let at = 0
  let from = 0
  while (at < html.length) {
    const open = html.indexOf('<', at)
    if (open < 0) break
    const next = html[open + 1] ?? ''
    const isTag = /[A-Za-z]/.test(next)
    const isEnd = next === '/' && /[A-Za-z]/.test(html[open + 2] ?? '')
    if (!isTag && !isEnd && next !== '!' && next !== '?' && next !== '/') {
      at = open + 1
      continue
    }
    if (open > from) yield { kind: 'text', text: decodeEntities(html.slice(from, open)) }
    if (isTag) {
      const tag = startTag(html, open + 1)
      yield tag.token
      at = tag.end
      if (RAW.has(tag.token.name)) {
        const close = closeOf(html, tag.token.name, at)
        const text = html.slice(at, close)
        if (text !== '') yield { kind: 'text', text: decodeEntities(text) }
        at = close
      }
    } else {
      if (isEnd) yield { kind: 'end', name: nameAt(html, open + 2) }
      at = behindMarkup(html, open)
    }
    from = at
  }
  if (from < html.length) yield { kind: 'text', text: decodeEntities(html.slice(from)) }
}

function nameAt(html: string, at: number): string {
  NAME.lastIndex = at
  return (NAME.exec(html)?.[0] ?? '').toLowerCase()
}

function startTag(html: string, at: number): { token: Extract<HtmlToken, { kind: 'start' }>; end: number } {
  const name = nameAt(html, at)
  const attributes = new Map<string, string>()
  let end = at + name.length
  for (;;) {
    ATTRIBUTE.lastIndex = end
    const match = ATTRIBUTE.exec(html)
    if (match === null) break
    const key = (match[1] as string).toLowerCase()
    if (attributes.size < MAX_ATTRIBUTES && !attributes.has(key)) {
      attributes.set(key, decodeEntities(match[2] ?? match[3] ?? match[4] ?? ''))
    }
    end = ATTRIBUTE.lastIndex
  }
  const close = html.indexOf('>', end)
  return { token: { kind: 'start', name, attributes }, end: close < 0 ? html.length : close + 1 }
}

/** Where the end tag of an element of raw text starts, or the end. */
function closeOf(html: string, name: string, at: number): number {
  const pattern = new RegExp(`</${name}(?=[\\s/>]|$)`, 'gi')
  pattern.lastIndex = at
  return pattern.exec(html)?.index ?? html.length
}

/** Behind a comment, a declaration or an end tag. */
function behindMarkup(html: string, open: number): number {
  const isComment = html.startsWith('<!--', open)
  // `<!-->` is a whole comment.
  const close = isComment ? html.indexOf('-->', open + 2) : html.indexOf('>', open)
  return close < 0 ? html.length : close + (isComment ? 3 : 1)
}
