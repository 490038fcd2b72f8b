import { PithError } from '@pith/core'
import type { Language, Node, Parser } from 'web-tree-sitter'
import { type CodeLanguage, languageOf, rulesOf } from './languages.ts'
import { type CodeUnit, outlineOf } from './outline.ts'

/** Bytes of the runtime of tree-sitter and of its grammars. */
export interface GrammarSource {
  runtime(): Promise<Uint8Array>
  grammar(language: CodeLanguage): Promise<Uint8Array>
}

/** Characters of files whose outlines are kept for the next question. */
const REMEMBERED = 1 << 25

/** Reads code of any language that there is a grammar for; grammars are loaded when they are first needed, outlines of 32 MiB are kept. */
export class CodeParser {
  readonly #source: GrammarSource
  readonly #languages = new Map<CodeLanguage, Promise<Language>>()
  readonly #outlines = new Map<string, CodeUnit[]>()
  #remembered = 0
  #parser: Promise<Parser> | undefined

  constructor(source: GrammarSource) {
    this.#source = source
  }

  /**
   * The units of a file. A language without a grammar, or a file that the grammar cannot read at all, is one unit.
   *
   * @param language  by default that of the file's name
   * @throws PithError `PITH_LIMIT` more than 32 MiB of text
   */
  async outline(path: string, text: string, language?: CodeLanguage): Promise<CodeUnit[]> {
    const rules = language === undefined ? languageOf(path) : rulesOf(language)
    const whole: CodeUnit = {
      kind: 'rest',
      name: '',
      span: { start: 0, end: text.length },
      statements: [],
      parent: undefined,
    }
    if (text === '') return []
    if (rules === undefined) return [whole]
    const key = `${rules.id} ${text}`
    const known = this.#outlines.get(key)
    if (known !== undefined) return known
    const units = await this.#parsed(text, rules.id, (root) =>
      root === undefined ? [whole] : outlineOf(root, text, rules),
    )
    this.#outlines.set(key, units)
    this.#remembered += key.length
    for (const oldest of this.#outlines.keys()) {
      if (this.#remembered <= REMEMBERED) break
      this.#outlines.delete(oldest)
      this.#remembered -= oldest.length
    }
    return units
  }

  /** Nodes of a text that its grammar has no rule for. */
  async errors(text: string, language: CodeLanguage): Promise<number> {
    return await this.#parsed(text, language, (root) => {
      let count = 0
      const stack = root === undefined ? [] : [root]
      for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
        if (node.isError || node.isMissing) count++
        if (node.hasError) for (const child of node.children) if (child !== null) stack.push(child)
      }
      return count
    })
  }

  async #parsed<T>(text: string, id: CodeLanguage, use: (root: Node | undefined) => T): Promise<T> {
    if (text.length > 1 << 25) throw new PithError('PITH_LIMIT', 'the file has more than 32 MiB of text')
    const [parser, language] = await Promise.all([this.#ready(), this.#language(id)])
    parser.setLanguage(language)
    const tree = parser.parse(text)
    try {
      return use(tree?.rootNode)
    } finally {
      tree?.delete()
    }
  }

  #ready(): Promise<Parser> {
    this.#parser ??= (async () => {
      const { Parser } = await import('web-tree-sitter')
      await Parser.init({ wasmBinary: await this.#source.runtime() })
      return new Parser()
    })()
    return this.#parser
  }

  #language(id: CodeLanguage): Promise<Language> {
    const known = this.#languages.get(id)
    if (known !== undefined) return known
    const loaded = (async () => {
      await this.#ready()
      const { Language } = await import('web-tree-sitter')
      return await Language.load(await this.#source.grammar(id))
    })()
    this.#languages.set(id, loaded)
    return loaded
  }
}
