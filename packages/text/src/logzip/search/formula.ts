/**
 * What must hold, as conditions joined by and / or. `maybe` is a condition that nothing is known about: it may hold or not.
 */
export type Formula<Leaf> =
  | { readonly op: 'always' }
  | { readonly op: 'never' }
  | { readonly op: 'maybe' }
  | { readonly op: 'leaf'; readonly leaf: Leaf }
  | { readonly op: 'and'; readonly of: readonly Formula<Leaf>[] }
  | { readonly op: 'or'; readonly of: readonly Formula<Leaf>[] }

export const ALWAYS: { readonly op: 'always' } = { op: 'always' }
export const NEVER: { readonly op: 'never' } = { op: 'never' }
export const MAYBE: { readonly op: 'maybe' } = { op: 'maybe' }

export function leafOf<Leaf>(leaf: Leaf): Formula<Leaf> {
  return { op: 'leaf', leaf }
}

export function andOf<Leaf>(parts: readonly Formula<Leaf>[]): Formula<Leaf> {
  const kept: Formula<Leaf>[] = []
  for (const part of parts) {
    if (part.op === 'never') return NEVER
    if (part.op === 'and') kept.push(...part.of)
    else if (part.op !== 'always') kept.push(part)
  }
  if (kept.length === 0) return ALWAYS
  return kept.length === 1 ? (kept[0] as Formula<Leaf>) : { op: 'and', of: kept }
}

export function orOf<Leaf>(parts: readonly Formula<Leaf>[]): Formula<Leaf> {
  const kept: Formula<Leaf>[] = []
  for (const part of parts) {
    if (part.op === 'always') return ALWAYS
    if (part.op === 'or') kept.push(...part.of)
    else if (part.op !== 'never') kept.push(part)
  }
  if (kept.length === 0) return NEVER
  return kept.length === 1 ? (kept[0] as Formula<Leaf>) : { op: 'or', of: kept }
}

/** Put a formula in place of each leaf and simplify. */
export function mapFormula<From, To>(formula: Formula<From>, leaf: (leaf: From) => Formula<To>): Formula<To> {
  switch (formula.op) {
    case 'leaf':
      return leaf(formula.leaf)
    case 'and':
      return andOf(formula.of.map((part) => mapFormula(part, leaf)))
    case 'or':
      return orOf(formula.of.map((part) => mapFormula(part, leaf)))
    default:
      return formula
  }
}

/** Whether the formula can hold, given which leaves can: `maybe` counts as yes. */
export function possible<Leaf>(formula: Formula<Leaf>, leaf: (leaf: Leaf) => boolean): boolean {
  switch (formula.op) {
    case 'leaf':
      return leaf(formula.leaf)
    case 'and':
      return formula.of.every((part) => possible(part, leaf))
    case 'or':
      return formula.of.some((part) => possible(part, leaf))
    default:
      return formula.op !== 'never'
  }
}

/** All leaves, in order. */
export function leavesOf<Leaf>(formula: Formula<Leaf>): Leaf[] {
  if (formula.op === 'leaf') return [formula.leaf]
  return formula.op === 'and' || formula.op === 'or' ? formula.of.flatMap(leavesOf) : []
}
