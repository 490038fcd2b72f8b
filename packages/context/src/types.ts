/** What compressors of this room take and give back. */
import type { Run } from '@pith/core'

/** UTF-16 offsets into the original, half open. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** Counts tokens the way of the model that will read the text. */
export interface TokenCounter {
  /** Names the vocabulary in reports. */
  readonly id: string
  count(text: string): number
}

/** A passage that was retrieved for a question. */
export interface Passage {
  readonly title?: string
  readonly text: string
}

/** Kinds of text that are never cut out of what is kept. */
export type ProtectKind = 'code' | 'numbers' | 'links' | 'paths' | 'ids' | 'structure' | 'negations'

/** What must stay whatever the budget. */
export interface Protection {
  /** Default all kinds. */
  kinds?: readonly ProtectKind[]
  /** Every match stays. */
  patterns?: readonly RegExp[]
  spans?: readonly Span[]
}

/** How much may stay: tokens, or a share of those of the original above 0 and at most 1. */
export type TokenBudget = { readonly tokens: number } | { readonly rate: number }

/** What stands where something was dropped: nothing, an ellipsis, or a marker by which it can be had again. */
export type Joiner = 'none' | 'ellipsis' | 'marker'

/** How a text is compressed. */
export interface CompressOptions extends Pick<Run, 'signal'> {
  budget: TokenBudget
  /** What the text is read for; without it what is rare, new and exact stays. */
  query?: string
  /** Default o200k_base. */
  counter?: TokenCounter
  protect?: Protection
  /** Default `none`. */
  joiner?: Joiner
  /** Gaps of fewer tokens get no marker. Default 40. */
  markerMinTokens?: number
  /** What happens where the protected text alone is above the budget: an error, or it stays. Default `throw`. */
  onOverflow?: 'throw' | 'keep-protected'
}

/** A part that was left out. */
export interface DroppedPart {
  /** By which it can be had again: 6 characters of base 32, of the original and the place. */
  readonly id: string
  readonly span: Span
  readonly tokens: number
}

/** What was done, and how. */
export interface CompressReport {
  /** Which rule said what matters. */
  readonly scorer: string
  /** Vocabulary that tokens were counted with. */
  readonly counter: string
  readonly protectedTokens: number
  readonly overBudget: boolean
  readonly warnings: readonly string[]
}

/** A shorter text, made of slices of the original in their order, and what joins them. */
export interface Compressed {
  readonly text: string
  /** Slices of the original that stand in the text, ascending, not touching. */
  readonly kept: readonly Span[]
  /** Where each slice stands in the text. */
  readonly sourceMap: SourceMap
  readonly originalTokens: number
  readonly tokens: number
  readonly dropped: readonly DroppedPart[]
  readonly report: CompressReport
}

/** Triples (start in the text, start in the original, length), ascending. */
export interface SourceMap {
  readonly triples: Uint32Array
  /** Place in the original of a place in the text; undefined in what joins slices. */
  toSource(offset: number): number | undefined
  /** Place in the text of a place in the original; undefined where it was dropped. */
  fromSource(offset: number): number | undefined
}

/**
 * A text cut into pieces, and which of them matter most. Pieces lie behind each other without gaps; a group names pieces that stay
 * or go together, and groups may share pieces. The most important group comes first.
 */
export interface Ranking {
  readonly scorer: string
  readonly pieces: readonly Span[]
  readonly groups: readonly (readonly number[])[]
  /** Pieces that the text cannot be without. */
  readonly pinned?: readonly number[]
  /**
   * Whether pieces must not be joined: they are cut where the text stays sound, and groups name all that must stand together. What must
   * stay then takes a group with it.
   */
  readonly isSound?: boolean
  /** Whether pieces are single words, so that what is protected must be pinned lest a sentence loses its sense. */
  readonly dropsWords?: boolean
  /** What stands for a gap, around the label of the joiner, which is empty for `none`. By default the label and a space. */
  readonly wrap?: (gap: Span, label: string) => string
  readonly warnings?: readonly string[]
}
