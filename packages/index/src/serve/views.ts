/** What a page of answers shows. */
import type { SearchMode } from '../store/index.ts'
import type { FieldValue } from '../types.ts'
import type { SnippetPart } from './snippet.ts'

/** One document of an answer. */
export interface HitView {
  readonly id: string
  readonly score: number
  readonly title: readonly SnippetPart[]
  readonly snippet: readonly SnippetPart[]
  /** Where the document is, for people to follow. */
  readonly url?: string
  readonly fields: Readonly<Record<string, FieldValue>>
}

/** How many documents have each value of a field. */
export interface FacetView {
  readonly field: string
  readonly values: readonly { readonly value: string; readonly count: number; readonly chosen: boolean }[]
}

/** An answer, ready to be shown. */
export interface AnswerView {
  /** Name of the index. */
  readonly name: string
  readonly documents: number
  readonly query: string
  readonly mode: SearchMode
  /** Ways of searching that the index has. */
  readonly modes: readonly SearchMode[]
  /** Number of the first hit, from 0, and hits of a page. */
  readonly from: number
  readonly k: number
  /** Whether there are more behind these. */
  readonly more: boolean
  readonly ms: number
  readonly hits: readonly HitView[]
  readonly facets: readonly FacetView[]
  /** What went wrong with the query, for people. */
  readonly problem?: string
}
