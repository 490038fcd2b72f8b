/** Web pages as headings and paragraphs. */
import { type HtmlToken, htmlTokens } from './html-tokens.ts'
import { collapse } from './text.ts'

/** A paragraph (level 0) or a heading of level 1..6 with its id. */
export interface Block {
  readonly level: number
  readonly text: string
  /** The id that the page itself gives to the heading. */
  readonly id?: string
}

/** What a page says. */
export interface Page {
  readonly title?: string
  /** Values that the page states about itself. */
  readonly fields: Readonly<Record<string, string | number | boolean | readonly string[]>>
  readonly blocks: readonly Block[]
}

const words = (text: string): ReadonlySet<string> => new Set(text.split(' '))
/** Elements whose content nobody reads. */
const DROPPED = words(
  'script style template noscript svg math iframe object canvas audio video select datalist nav title noembed noframes',
)
const VOID = words('area base br col embed hr img input link meta source track wbr')
/** Elements that stand on lines of their own. */
const BREAKING = words(
  'address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hgroup hr html legend li main menu ol p pre section summary table tbody tfoot thead tr ul xmp',
)
/** What a start tag ends where it is open on top. */
const ENDS: Readonly<Record<string, ReadonlySet<string>>> = {
  li: words('li p'),
  dt: words('dt dd p'),
  dd: words('dt dd p'),
  tr: words('tr td th p'),
  td: words('td th p'),
  th: words('td th p'),
  option: words('option'),
}
const PARAGRAPH = words('p')

/** Headings, paragraphs and the title of a page. Scripts, styles, navigation and what is hidden are left out. */
export function readHtml(html: string): Page {
  const walk = new Walk()
  for (const token of htmlTokens(html)) walk.take(token)
  return walk.page()
}

/** The text that a page or a piece of one shows, a line for each paragraph. */
export function htmlText(html: string): string {
  return readHtml(html)
    .blocks.map(({ text }) => text)
    .join('\n')
}

class Walk {
  readonly #blocks: Block[] = []
  readonly #fields: Record<string, string | readonly string[]> = {}
  #title: string | undefined
  /** Open elements, and how many of a name there are. */
  readonly #open: { readonly name: string; readonly hidden: boolean }[] = []
  readonly #counts = new Map<string, number>()
  #hidden = 0
  #text: string[] = []
  #heading: { level: number; id: string | undefined } | undefined

  take(token: HtmlToken): void {
    if (token.kind === 'text') this.#take(token.text)
    else if (token.kind === 'start') this.#start(token.name, token.attributes)
    else this.#end(token.name)
  }

  page(): Page {
    this.#flush()
    return { ...(this.#title === undefined ? {} : { title: this.#title }), fields: this.#fields, blocks: this.#blocks }
  }

  #take(text: string): void {
    // Drawings have titles too: they are hidden twice.
    if (this.#hidden === 1 && this.#open.at(-1)?.name === 'title') this.#title ??= collapse(text) || undefined
    if (this.#hidden > 0) return
    const own = this.#isOpen('pre') ? text : text.replace(/\s+/g, ' ')
    this.#text.push(own.startsWith(' ') && /\s$/.test(this.#text.at(-1) ?? '') ? own.slice(1) : own)
  }

  #start(name: string, attributes: ReadonlyMap<string, string>): void {
    const ended = ENDS[name] ?? (BREAKING.has(name) ? PARAGRAPH : undefined)
    if (ended !== undefined) while (ended.has(this.#open.at(-1)?.name ?? '')) this.#pop()
    const hidden = DROPPED.has(name) || isHidden(attributes)
    if (this.#hidden === 0 && !hidden) this.#show(name, attributes)
    if (name === 'meta') this.#meta(attributes)
    if (name === 'html' && attributes.has('lang')) this.#fields['lang'] = attributes.get('lang') as string
    if (VOID.has(name)) return
    this.#open.push({ name, hidden })
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
    if (hidden) this.#hidden++
  }

  #show(name: string, attributes: ReadonlyMap<string, string>): void {
    if (name === 'br') this.#text.push('\n')
    else if (name === 'td' || name === 'th') this.#text.push(' ')
    else if (name === 'img') this.#text.push(attributes.get('alt') ?? '')
    else if (BREAKING.has(name)) this.#flush()
    const level = /^h[1-6]$/.test(name) ? Number(name[1]) : 0
    if (level > 0) this.#heading = { level, id: attributes.get('id') }
    // An anchor within the heading stands for it.
    else if (this.#heading !== undefined) this.#heading.id ??= attributes.get('id') ?? attributes.get('name')
  }

  #end(name: string): void {
    if (!this.#isOpen(name)) return
    while (this.#open.length > 0 && this.#pop() !== name);
  }

  #pop(): string {
    const { name, hidden } = this.#open.pop() as { name: string; hidden: boolean }
    this.#counts.set(name, (this.#counts.get(name) as number) - 1)
    if (hidden) this.#hidden--
    else if (this.#hidden === 0 && BREAKING.has(name)) this.#flush()
    return name
  }

  #isOpen(name: string): boolean {
    return (this.#counts.get(name) ?? 0) > 0
  }

  #meta(attributes: ReadonlyMap<string, string>): void {
    const name = (attributes.get('name') ?? '').toLowerCase()
    const content = collapse(attributes.get('content') ?? '')
    if (content === '') return
    if (name === 'description' || name === 'author') this.#fields[name] = content
    if (name === 'keywords') this.#fields['keywords'] = content.split(/\s*,\s*/).filter((word) => word !== '')
  }

  #flush(): void {
    const text = this.#text
      .join('')
      .split('\n')
      .map((line) => line.trimEnd())
      .join('\n')
      .trim()
    this.#text = []
    const heading = this.#heading
    if (text === '') return
    this.#heading = undefined
    if (heading === undefined) this.#blocks.push({ level: 0, text })
    else this.#blocks.push({ level: heading.level, text: collapse(text), ...(heading.id ? { id: heading.id } : {}) })
  }
}

function isHidden(attributes: ReadonlyMap<string, string>): boolean {
  if (attributes.has('hidden') || attributes.get('aria-hidden')?.toLowerCase() === 'true') return true
  return /display\s*:\s*none|visibility\s*:\s*hidden/i.test(attributes.get('style') ?? '')
}
