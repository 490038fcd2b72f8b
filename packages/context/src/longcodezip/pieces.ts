import type { Span } from '../types.ts'
import type { LanguageRules } from './languages.ts'
import type { CodeUnit, Statement } from './outline.ts'

/** A statement, or several that belong together, that can be taken out of a function. */
export interface CodeBlock {
  /** Its own pieces. */
  readonly pieces: readonly number[]
  /** Pieces that must stand around it: heads and ends of statements, and what keeps other blocks of them from being empty. */
  readonly around: readonly number[]
}

/** A unit in pieces. */
export interface UnitPieces {
  readonly unit: CodeUnit
  /** What stays of it wherever something of it stays: signature, end, and the same of the classes around it. */
  readonly frame: readonly number[]
  readonly blocks: readonly CodeBlock[]
}

/** Most lines of a last return that always stays. */
const EXIT_LINES = 2

/** Units of one file in pieces that lie behind each other; `pieces` grows by those of the file, moved by `offset`. */
export function piecesOf(
  units: readonly CodeUnit[],
  text: string,
  rules: LanguageRules | undefined,
  pieces: Span[],
  offset: number,
): UnitPieces[] {
  const put = (start: number, end: number): number[] => {
    if (end <= start) return []
    pieces.push({ start: start + offset, end: end + offset })
    return [pieces.length - 1]
  }
  const ends = new Map<number, number[]>()
  const found = units.map((unit, i): { own: UnitPieces; at: number } => {
    if (unit.kind === 'class') return { own: { unit, frame: [], blocks: [] }, at: i }
    if (unit.kind === 'rest') {
      const { start, end } = unit.span
      const { inner, head = start } = unit.parent === undefined ? {} : (units[unit.parent] as CodeUnit)
      // Of a class its head and its end stand around each of its members.
      const top = Math.min(Math.max(head, start), end)
      const from = Math.min(Math.max(inner?.start ?? end, top), end)
      const to = Math.min(Math.max(inner?.end ?? end, from), end)
      const said = top < from ? put(start, top) : []
      const around = put(top < from ? top : start, from)
      const members = put(from, to)
      around.push(...put(to, end))
      const own = inner === undefined ? around : [...said, ...members]
      if (unit.parent !== undefined) ends.set(unit.parent, [...(ends.get(unit.parent) ?? []), ...around])
      return { own: { unit, frame: [], blocks: own.length === 0 ? [] : [{ pieces: own, around: [] }] }, at: i }
    }
    if (unit.statements.length === 0) {
      return { own: { unit, frame: put(unit.span.start, unit.span.end), blocks: [] }, at: i }
    }
    const { frame, blocks } = takeApart(unit.span, [unit.statements])
    return { own: { unit, frame, blocks }, at: i }
  })
  return found.map(({ own }) => {
    const around = new Set<number>()
    for (let parent = own.unit.parent; parent !== undefined; parent = units[parent]?.parent) {
      const outer = ends.get(parent) ?? []
      for (const piece of [outer[0], outer.at(-1)]) if (piece !== undefined) around.add(piece)
    }
    return { ...own, frame: [...around, ...own.frame] }
  })

  function takeApart(span: Span, bodies: readonly (readonly Statement[])[]): { frame: number[]; blocks: CodeBlock[] } {
    const frame: number[] = []
    const blocks: CodeBlock[] = []
    let at = span.start
    for (const statements of bodies) {
      const kept = keptOf(statements)
      for (const [i, statement] of statements.entries()) {
        // What stands before the first statement opens the block; comments and empty lines go with what follows them.
        const start = i === 0 ? statement.span.start : at
        if (i === 0) frame.push(...put(at, start))
        at = statement.span.end
        if (statement.blocks.length > 0 && !kept.has(statement)) {
          const inner = takeApart({ start, end: at }, statement.blocks)
          blocks.push(...inner.blocks.map((block) => ({ ...block, around: [...inner.frame, ...block.around] })))
          continue
        }
        const own = put(start, at)
        if (kept.has(statement)) frame.push(...own)
        else blocks.push({ pieces: own, around: [] })
      }
    }
    frame.push(...put(at, span.end))
    return { frame, blocks }
  }

  /** Statements of a block that stay with it. */
  function keptOf(statements: readonly Statement[]): Set<Statement> {
    const kept = new Set<Statement>()
    const last = statements.at(-1)
    if (last?.exits === true && last.blocks.length === 0 && linesOf(last.span) <= EXIT_LINES) kept.add(last)
    if (rules?.needsStatement === true && kept.size === 0) {
      const size = ({ span }: Statement): number => span.end - span.start
      const first = statements[0]
      const least = statements.reduce((a, b) => (size(b) < size(a) ? b : a))
      kept.add(first !== undefined && linesOf(first.span) <= EXIT_LINES ? first : least)
    }
    return kept
  }

  function linesOf({ start, end }: Span): number {
    return text.slice(start, end).trimEnd().split('\n').length
  }
}
