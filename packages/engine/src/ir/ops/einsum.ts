/** Equations of Einsum: parsed, and the shapes that follow from them. */
import { PithError } from '@pith/core'
import { type Shape, shapeText } from '../../shape.ts'

/** One name for each axis of each operand and of the result; those of an ellipsis are `...0`, `...1` from the right. */
export interface Equation {
  readonly operands: readonly (readonly string[])[]
  readonly result: readonly string[]
}

/** Axes that one term names, the ellipsis spread over `rank`. */
function namesOf(term: string, rank: number | undefined, equation: string): string[] {
  const parts = term.split('...')
  const letters = parts.join('')
  if (parts.length > 2 || !/^[A-Za-z]*$/.test(letters)) {
    throw new PithError('PITH_MODEL', `Einsum: ${JSON.stringify(equation.slice(0, 80))} is no equation`)
  }
  const spread = parts.length === 2 ? (rank ?? 0) - letters.length : 0
  if (rank !== undefined && (spread < 0 || letters.length + spread !== rank)) {
    throw new PithError('PITH_SHAPE', `Einsum: the term ${JSON.stringify(term)} does not name ${rank} axes`)
  }
  const dots = Array.from({ length: spread }, (_, i) => `...${spread - 1 - i}`)
  return [...(parts[0] as string), ...dots, ...(parts[1] ?? '')]
}

/**
 * Parse an equation, with the result made from letters that occur once where it is not written.
 *
 * @throws PithError `PITH_MODEL` no equation · `PITH_SHAPE` terms that do not suit the ranks
 */
export function parseEquation(equation: string, ranks: readonly number[]): Equation {
  const [left = '', right, ...more] = equation.replaceAll(' ', '').split('->')
  const terms = left.split(',')
  if (more.length > 0 || terms.length !== ranks.length) {
    throw new PithError(
      'PITH_MODEL',
      `Einsum: ${JSON.stringify(equation.slice(0, 80))} does not suit ${ranks.length} inputs`,
    )
  }
  const operands = terms.map((term, i) => namesOf(term, ranks[i], equation))
  const all = operands.flat()
  const dots = [...new Set(all.filter((name) => name.startsWith('...')))].sort().reverse()
  const written =
    right ??
    [...new Set(all)]
      .filter((name) => name.length === 1 && count(all, name) === 1)
      .sort()
      .join('')
  const letters = written.replace('...', '').length
  const result =
    right === undefined
      ? [...dots, ...written]
      : namesOf(written, letters + (written.includes('...') ? dots.length : 0), equation)
  for (const name of result) {
    if (!all.includes(name) || count(result, name) > 1) {
      throw new PithError('PITH_MODEL', `Einsum: the result names ${JSON.stringify(name)}, which it may not`)
    }
  }
  return { operands, result }
}

function count(names: readonly string[], name: string): number {
  return names.filter((own) => own === name).length
}

/** Shape of the result. @throws PithError `PITH_SHAPE` one name has two lengths */
export function einsumShape({ operands, result }: Equation, shapes: readonly Shape[]): number[] {
  const lengths = new Map<string, number>()
  for (const [i, names] of operands.entries()) {
    for (const [axis, name] of names.entries()) {
      const length = shapes[i]?.[axis] ?? 1
      const own = lengths.get(name) ?? 1
      if (own > 1 && length > 1 && own !== length) {
        throw new PithError(
          'PITH_SHAPE',
          `Einsum: the axis ${name} has two lengths in ${shapes.map(shapeText).join(' ')}`,
        )
      }
      lengths.set(name, own === 1 ? length : length > 1 ? length : own)
    }
  }
  return result.map((name) => lengths.get(name) ?? 1)
}
