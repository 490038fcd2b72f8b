import type { Compressed, Span } from '../types.ts'

/** A slice of the original, and whether it is left. */
export interface Mark extends Span {
  readonly kept: boolean
  /** By which a dropped slice can be had again. */
  readonly id?: string
  readonly tokens?: number
}

/** The original from its beginning to its end, as slices that are left and slices that are not. */
export function marksOf({ kept, dropped }: Pick<Compressed, 'kept' | 'dropped'>): Mark[] {
  return [
    ...kept.map(({ start, end }) => ({ start, end, kept: true })),
    ...dropped.map(({ id, span, tokens }) => ({ ...span, kept: false, id, tokens })),
  ].sort((a, b) => a.start - b.start)
}
