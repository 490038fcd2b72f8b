/** What killed writers do: known by the number of the round alone. */
import { Random } from '@pith/core'

const IDS = 80

/** One round of changes. */
export interface Changes {
  readonly kind: 'add' | 'delete' | 'flush' | 'merge'
  readonly added: readonly string[]
  readonly deleted: readonly string[]
}

/** The changes of a round. */
export function changesOf(round: number): Changes {
  const random = new Random(round)
  const pick = (most: number): string[] => [
    ...new Set(Array.from({ length: 1 + random.integer(most) }, () => `d${random.integer(IDS)}`)),
  ]
  const draw = random.integer(20)
  if (draw < 14) return { kind: 'add', added: pick(6), deleted: [] }
  if (draw < 18) return { kind: 'delete', added: [], deleted: pick(4) }
  return { kind: draw === 18 ? 'flush' : 'merge', added: [], deleted: [] }
}

/** The text that a document has after a round that adds it. */
export function textOf(id: string, round: number): string {
  return `document ${id} of round ${round} `.repeat(1 + (round % 9))
}

/** Documents by id, after a round. */
export function applyRound(documents: ReadonlyMap<string, string>, round: number): Map<string, string> {
  const next = new Map(documents)
  const { added, deleted } = changesOf(round)
  for (const id of added) next.set(id, textOf(id, round))
  for (const id of deleted) next.delete(id)
  return next
}
