/** Markdown as headings and paragraphs of plain text. */
import { frontMatter } from './front-matter.ts'
import type { Block, Page } from './html.ts'
import { decodeEntities } from './html-entities.ts'
import { collapse } from './text.ts'

/** Headings and paragraphs of a Markdown text, with its front matter as fields. Marks of emphasis, links and HTML tags are taken out, code stays. */
export function readMarkdown(text: string): Page {
  const lines = text.replaceAll('\r', '').split('\n')
  const { fields, taken } = frontMatter(lines)
  const walk = new Walk()
  for (const line of lines.slice(taken)) walk.take(line)
  const { title, ...others } = fields
  return {
    ...(typeof title === 'string' && title !== '' ? { title } : {}),
    fields: others,
    blocks: walk.end(),
  }
}

/** Paragraphs of plain text: empty lines part them. */
export function readPlainText(text: string): Page {
  const blocks = text
    .replaceAll('\r', '')
    .split(/\n[^\S\n]*\n/)
    .map((part) => ({ level: 0, text: part.trim() }))
  return { fields: {}, blocks: blocks.filter((block) => block.text !== '') }
}

const FENCE = /^ {0,3}(`{3,}|~{3,})/
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+(.*))?$/

class Walk {
  readonly #blocks: Block[] = []
  #paragraph: string[] = []
  #fence: string | undefined
  #isComment = false

  take(line: string): void {
    if (this.#fence !== undefined) {
      this.#code(line)
      return
    }
    const shown = this.#withoutComments(line)
    const fence = FENCE.exec(shown)?.[1]
    const heading = HEADING.exec(shown)
    if (fence !== undefined) {
      this.#endParagraph()
      this.#fence = fence
    } else if (heading !== null) {
      this.#endParagraph()
      this.#heading((heading[1] as string).length, (heading[2] ?? '').replace(/(^|[ \t])#+[ \t]*$/, ''))
    } else if (/^ {0,3}(=+|-+)[ \t]*$/.test(shown) && this.#paragraph.length > 0) {
      const text = this.#paragraph.join(' ')
      this.#paragraph = []
      this.#heading(shown.includes('=') ? 1 : 2, text)
    } else if (shown.trim() === '') {
      // A line of a comment parts nothing.
      if (line.trim() === '') this.#endParagraph()
    } else if (!/^[\s|:*_-]+$/.test(shown) && !/^ {0,3}\[[^\]]+\]:\s/.test(shown)) {
      // Neither a rule, nor the line below the heading of a table, nor where a link leads.
      this.#paragraph.push(inline(shown))
    }
  }

  end(): readonly Block[] {
    this.#fence = undefined
    this.#endParagraph()
    return this.#blocks
  }

  #code(line: string): void {
    const fence = this.#fence as string
    const close = FENCE.exec(line)?.[1]
    if (close?.startsWith(fence) && line.trim() === close) {
      this.#fence = undefined
      this.#endParagraph()
    } else {
      this.#paragraph.push(line)
    }
  }

  #heading(level: number, raw: string): void {
    // `{#id}` behind the text.
    const mark = raw.lastIndexOf('{#')
    const id = mark < 0 ? undefined : /^\{#([^\s{}]+)\}\s*$/.exec(raw.slice(mark))?.[1]
    const text = collapse(inline(id === undefined ? raw : raw.slice(0, mark)))
    if (text !== '') this.#blocks.push({ level, text, ...(id === undefined ? {} : { id }) })
  }

  #endParagraph(): void {
    const text = this.#paragraph.join('\n').trimEnd()
    this.#paragraph = []
    if (text.trim() !== '') this.#blocks.push({ level: 0, text })
  }

  /** The line without HTML comments, which may go over several lines. */
  #withoutComments(line: string): string {
    let rest = line
    let shown = ''
    for (;;) {
      const mark = this.#isComment ? '-->' : '<!--'
      const at = rest.indexOf(mark)
      if (!this.#isComment) shown += at < 0 ? rest : rest.slice(0, at)
      if (at < 0) return shown
      rest = rest.slice(at + mark.length)
      this.#isComment = !this.#isComment
    }
  }
}

/** A line without the marks of emphasis, links, images, quotes, lists and tables. */
function inline(line: string): string {
  const text = line
    .replace(/^\s*(?:>\s?)+/, '')
    .replace(/^(\s*)(?:[-*+]|\d{1,9}[.)])\s+(?:\[[ xX]\]\s+)?/, '$1')
    .replace(/!?\[([^[\]]*)\](?:\([^()]*\)|\[[^[\]]*\])/g, '$1')
    .replace(/<((?:https?:|mailto:)[^<>\s]*)>/g, '$1')
    .replace(/<\/?[A-Za-z][^<>]*>/g, '')
    .replace(/`+/g, '')
    .replace(/(\*\*|__|~~)(?=\S)|(?<=\S)(\*\*|__|~~)/g, '')
    .replace(/(?<![\p{L}\p{N}\\])[*_](?=\S)|(?<=[^\s\\])[*_](?![\p{L}\p{N}])/gu, '')
    .replace(/\\([!-/:-@[-`{-~])/g, '$1')
  return decodeEntities(/^\s*\|.*\|\s*$/.test(text) ? text.replaceAll('|', ' ') : text)
}
