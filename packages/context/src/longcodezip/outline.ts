/** Code as functions, classes and what stands between them. */
import type { Node } from 'web-tree-sitter'
import type { Span } from '../types.ts'
import type { LanguageRules } from './languages.ts'

/** A statement. */
export interface Statement {
  readonly span: Span
  /** Blocks in it, and their statements, which can be taken out one by one. */
  readonly blocks: readonly (readonly Statement[])[]
  /** It leaves the function: returns, throws or yields. */
  readonly exits: boolean
}

/** A function, a class around others, or what stands between them. */
export interface CodeUnit {
  readonly kind: 'function' | 'class' | 'rest'
  /** Empty for what stands between functions. */
  readonly name: string
  /** Whole lines, with the comments and decorators before it; of a class those of its functions as well. */
  readonly span: Span
  /** Statements of a function that can be taken out. */
  readonly statements: readonly Statement[]
  /** Number of the class around it. */
  readonly parent: number | undefined
  /** Where the head of a class begins behind its comments, and what stands between head and end: single members can be taken out. */
  readonly head?: number
  readonly inner?: Span
}

/** Functions of more lines that hold other functions are looked into, as if they were classes. */
const MAX_LINES = 250
/** Statements of fewer lines stay whole. */
const MIN_INNER_LINES = 4
const MAX_DEPTH = 200
const EXITS = /^(?:return|throw|raise|yield|break|continue|goto)/

/**
 * The units of a parsed file, in the order of their beginnings; their lines, those of inner units taken off the outer, cover the file.
 */
export function outlineOf(root: Node, text: string, rules: LanguageRules): CodeUnit[] {
  const units: CodeUnit[] = []
  visitChildren(root, undefined, 0)
  return withRest(units, text)

  function visitChildren(node: Node, parent: number | undefined, depth: number): void {
    let first: Node | null = null
    let mark: Node | null = null
    for (const child of node.namedChildren) {
      if (child === null) continue
      if (rules.before.has(child.type)) {
        first ??= child
        if (!child.type.includes('comment')) mark ??= child
        continue
      }
      visit(child, first !== null && isNear(first, child, text) ? first : child, mark ?? child, parent, depth)
      first = null
      mark = null
    }
  }

  function visit(outer: Node, first: Node, mark: Node, parent: number | undefined, depth: number): void {
    if (depth > MAX_DEPTH) return
    const own = unwrap(outer, rules) ?? holderIn(outer, text, rules)
    if (own === undefined) return
    const span = wholeLines(text, first.startIndex, outer.endIndex)
    const isLong = lines(text, span) > MAX_LINES
    const body = bodyOf(own, rules)
    if (rules.functions.has(own.type) && !(isLong && body !== undefined && holdsFunctions(body, rules))) {
      units.push({
        kind: 'function',
        name: nameOf(own, outer),
        span,
        statements: statementsOf(body, text, rules),
        parent,
      })
      return
    }
    const at = units.length
    const inner = body === undefined || /enum/.test(own.type) ? undefined : membersIn(body, text)
    const name = nameOf(own, outer)
    const head = Math.max(span.start, text.lastIndexOf('\n', mark.startIndex - 1) + 1)
    const places = inner === undefined ? {} : { head, inner }
    units.push({ kind: 'class', name, span, statements: [], parent, ...places })
    visitChildren(body ?? own, at, depth + 1)
  }
}

/** Lines of the members of a class; undefined where they share a line with its head or end. */
function membersIn(body: Node, text: string): Span | undefined {
  const [first, last] = [body.namedChildren[0], body.namedChildren.at(-1)]
  if (first == null || last == null) return undefined
  const span = wholeLines(text, first.startIndex, last.endIndex)
  const isWhole = isOfLines(text, span) && !text.slice(last.endIndex, span.end).includes('}')
  return isWhole ? span : undefined
}

/** The function or class that a statement is made for. */
function unwrap(node: Node, rules: LanguageRules): Node | undefined {
  let own: Node | undefined = node
  for (let depth = 0; own !== undefined && depth < 8; depth++) {
    if (rules.functions.has(own.type) || rules.classes.has(own.type)) return own
    if (!rules.wrappers.has(own.type)) return undefined
    const inside: (Node | null)[] = own.namedChildren
    const next: Node | null | undefined = inside.find(
      (child) => child !== null && (rules.functions.has(child.type) || rules.classes.has(child.type)),
    )
    own = next ?? inside.find((child) => child !== null && rules.wrappers.has(child.type)) ?? undefined
  }
  return undefined
}

/** A long function that is called where it stands, as libraries wrap themselves. */
function holderIn(node: Node, text: string, rules: LanguageRules): Node | undefined {
  if (lines(text, { start: node.startIndex, end: node.endIndex }) <= MAX_LINES) return undefined
  let level: Node[] = [node]
  for (let depth = 0; depth < 6; depth++) {
    level = level.flatMap((own) => own.namedChildren.filter((child) => child !== null))
    const holder = level.find((own) => {
      const body = rules.functions.has(own.type) ? bodyOf(own, rules) : undefined
      return body !== undefined && holdsFunctions(body, rules)
    })
    if (holder !== undefined) return holder
  }
  return undefined
}

function bodyOf(node: Node, rules: LanguageRules): Node | undefined {
  const named = node.childForFieldName('body')
  if (named !== null && rules.blocks.has(named.type)) return named
  return node.namedChildren.find((child) => child !== null && rules.blocks.has(child.type)) ?? undefined
}

function holdsFunctions(node: Node, rules: LanguageRules): boolean {
  return node.namedChildren.some((child) => child !== null && unwrap(child, rules) !== undefined)
}

function nameOf(own: Node, outer: Node): string {
  for (let node: Node | null = own; node !== null; node = node.parent) {
    const name: Node | null =
      node.childForFieldName('name') ??
      node.childForFieldName('left') ??
      declaredName(node.childForFieldName('declarator'))
    if (name !== null) return name.text.slice(0, 200)
    if (node.id === outer.id) break
  }
  const other =
    own.childForFieldName('type') ??
    own.childForFieldName('trait') ??
    // Kotlin's grammar names no fields.
    own.namedChildren.find((child) => child?.type === 'simple_identifier' || child?.type === 'type_identifier')
  return other?.text.slice(0, 200) ?? ''
}

/** C wraps names in what is declared of them. */
function declaredName(declarator: Node | null): Node | null {
  let node = declarator
  for (let depth = 0; node !== null && depth < 16; depth++) {
    const inner: Node | null = node.childForFieldName('declarator')
    if (inner === null) return node
    node = inner
  }
  return node
}

function statementsOf(body: Node | undefined, text: string, rules: LanguageRules, depth = 0): Statement[] {
  // Kotlin's bodies may be a single expression.
  if (body === undefined || depth > MAX_DEPTH || text[body.startIndex] === '=') return []
  const found: { span: Span; nodes: Node[] }[] = []
  let comment: Node | undefined
  for (const child of body.namedChildren) {
    if (child === null) continue
    if (rules.before.has(child.type)) {
      comment ??= child
      continue
    }
    const span = wholeLines(text, (comment ?? child).startIndex, child.endIndex)
    comment = undefined
    const last = found.at(-1)
    // Statements that share a line stay together.
    if (last !== undefined && span.start < last.span.end) {
      found[found.length - 1] = {
        span: { start: last.span.start, end: Math.max(last.span.end, span.end) },
        nodes: [...last.nodes, child],
      }
    } else found.push({ span, nodes: [child] })
  }
  return (
    found
      // Whole lines alone can be taken out.
      .filter(
        ({ span }) =>
          isOfLines(text, span) &&
          (span.start >= body.startIndex || text.slice(span.start, body.startIndex).trim() === ''),
      )
      .map(({ span, nodes }) => ({
        span,
        blocks:
          lines(text, span) >= MIN_INNER_LINES ? nodes.flatMap((node) => blocksIn(node, text, rules, depth + 1)) : [],
        exits: nodes.some((node) => EXITS.test(text.slice(node.startIndex, node.startIndex + 12))),
      }))
  )
}

/** Statements of each of the outermost blocks in a statement. */
function blocksIn(node: Node, text: string, rules: LanguageRules, depth: number): Statement[][] {
  if (depth > MAX_DEPTH) return []
  return node.namedChildren.flatMap((child) => {
    if (child === null) return []
    if (!rules.blocks.has(child.type)) return blocksIn(child, text, rules, depth + 1)
    const statements = statementsOf(child, text, rules, depth)
    return statements.length === 0 ? [] : [statements]
  })
}

/** Units with what stands between them; that within a class is cut where the class begins and ends. */
function withRest(units: readonly CodeUnit[], text: string): CodeUnit[] {
  const all: CodeUnit[] = []
  const inside = new Map<number | undefined, number[]>()
  for (const [i, { parent }] of units.entries()) inside.set(parent, [...(inside.get(parent) ?? []), i])
  const put = (own: number | undefined, from: number, to: number, parent: number | undefined): void => {
    let at = from
    const rest = (end: number): void => {
      // Empty lines stay with what follows them.
      if (text.slice(at, end).trim() === '' && end < to) return
      if (end > at) all.push({ kind: 'rest', name: '', span: { start: at, end }, statements: [], parent })
      at = end
    }
    for (const i of inside.get(own) ?? []) {
      const unit = units[i] as CodeUnit
      // Two on one line: the second stays with the first.
      if (unit.span.start < at) continue
      rest(unit.span.start)
      const span = { start: at, end: unit.span.end }
      all.push({ ...unit, span, parent })
      if (unit.kind === 'class') put(i, span.start, span.end, all.length - 1)
      at = unit.span.end
    }
    rest(to)
  }
  put(undefined, 0, text.length, undefined)
  return all
}

/** From the beginning of its first line to the end of its last, where nothing else stands on them. */
export function wholeLines(text: string, start: number, end: number): Span {
  const from = text.lastIndexOf('\n', start - 1) + 1
  const stop = text.indexOf('\n', end)
  const to = stop < 0 ? text.length : stop + 1
  return {
    start: text.slice(from, start).trim() === '' ? from : start,
    end: /^[;,)\]}\s]*$/.test(text.slice(end, to)) ? to : end,
  }
}

function isOfLines(text: string, { start, end }: Span): boolean {
  return (start === 0 || text[start - 1] === '\n') && (end === text.length || text[end - 1] === '\n')
}

function lines(text: string, { start, end }: Span): number {
  let count = 1
  for (let at = text.indexOf('\n', start); at >= 0 && at < end - 1; at = text.indexOf('\n', at + 1)) count++
  return count
}

/** Whether no empty line stands between a comment and what follows it. */
function isNear(comment: Node, node: Node, text: string): boolean {
  return !/\n\s*\n/.test(text.slice(comment.startIndex, node.startIndex).replace(/\n\s*(?:\/\/|#|\*|\/\*)/g, '\n.'))
}
