/** Rows of any kind of file as documents. */
import { PithError } from '@pith/core'
import { shown, type TextOptions } from '../lines.ts'
import type { FieldValue, IndexDocument, IndexQuery } from '../types.ts'
import { denseVector, sparseVector } from './row-vectors.ts'

/** Where the parts of a document stand in a row, and what errors call the file. */
export interface RowOptions extends TextOptions {
  /** Field of the id; default the first of `_id`, `id`, `docid`, `doc_id`, `docno`, else the number of the row from 0. */
  idField?: string
  /** Field or fields of the text, joined by a new line; default the first of `text`, `content`, `contents`, `body`, `passage`, `abstract`. */
  textField?: string | readonly string[]
  /** Default `title`, else `name`. */
  titleField?: string
  /** Field of a dense vector, an array of numbers; default `vector`, else `embedding`. */
  vectorField?: string
  /** Field of a sparse vector, `{name: weight}` or `{indices, values}`; default `sparse`, else a `vector` of that form. */
  sparseField?: string
  /** Put before ids that are numbers of rows, where several files make one collection; `openCollection` puts the file's name. */
  idPrefix?: string
  /** Fields to keep for filters; default all that are left, those of objects under `outer.inner`. */
  fields?: readonly string[]
}

/** A row before it is a document. */
export type Row = Readonly<Record<string, unknown>>

const IDS = ['_id', 'id', 'docid', 'doc_id', 'docno']
const TEXTS = ['text', 'content', 'contents', 'body', 'passage', 'abstract']
const TITLES = ['title', 'name']
const VECTORS = ['vector', 'embedding']
const SPARSE = ['sparse']

/** Deepest object and most fields that are taken of one row. */
const MAX_DEPTH = 4
const MAX_FIELDS = 1024

/** Turns the rows of one file into documents. Where the id stands is settled by its first row. */
export class RowReader {
  readonly #options: RowOptions
  readonly #name: string
  readonly #unit: 'line' | 'row'
  readonly #names: Readonly<Record<'title' | 'vector' | 'sparse', readonly string[]>>
  #id: string | undefined
  #dim: number | undefined
  #count = 0

  constructor(options: RowOptions, name: string, unit: 'line' | 'row') {
    const { titleField, vectorField, sparseField } = options
    this.#options = options
    this.#name = name
    this.#unit = unit
    this.#names = {
      title: titleField === undefined ? TITLES : [titleField],
      vector: vectorField === undefined ? VECTORS : [vectorField],
      sparse: sparseField === undefined ? SPARSE : [sparseField],
    }
  }

  /**
   * @param place  number of the line or row, for errors
   * @throws PithError `PITH_CORRUPT` a part that is no such thing · `PITH_ARG` the first row has no field of a name that was given
   */
  document(row: Row, place: number): IndexDocument {
    if (this.#count === 0) this.#settle(row)
    const number = this.#count++
    const [title, vector, sparse] = [this.#names.title, this.#names.vector, this.#names.sparse].map((names) =>
      first(row, names),
    )
    const texts = this.#texts(row)
    const parts: Record<string, unknown> = {
      id:
        this.#id === undefined
          ? `${this.#options.idPrefix ?? ''}${number}`
          : this.#idOf(row[this.#id], this.#id, place),
      text: texts.map((name) => this.#text(row[name], name, place)).join('\n'),
    }
    const heading = title === undefined ? '' : this.#text(row[title], title, place)
    if (heading !== '') parts['title'] = heading
    if (vector !== undefined) this.#vector(parts, row[vector], vector, place)
    if (sparse !== undefined) {
      parts['sparse'] = sparseVector(row[sparse], (what) => this.#error(place, `has a ${sparse} that ${what}`))
    }
    const fields = this.#fields(row, new Set([this.#id, title, vector, sparse, ...texts]), place)
    if (fields !== undefined) parts['fields'] = fields
    return parts as unknown as IndexDocument
  }

  #texts(row: Row): readonly string[] {
    const { textField } = this.#options
    if (textField !== undefined) return typeof textField === 'string' ? [textField] : textField
    const own = first(row, TEXTS)
    return own === undefined ? [] : [own]
  }

  #settle(row: Row): void {
    const { idField, titleField, vectorField, sparseField, textField } = this.#options
    const texts = this.#texts(row)
    for (const name of [idField, titleField, vectorField, sparseField, ...texts]) {
      if (name === undefined || Object.hasOwn(row, name)) continue
      throw new PithError('PITH_ARG', `the first row of ${this.#name} has no field ${shown(name)}`, {
        hint: `Name one of its fields: ${fieldNames(row)}.`,
      })
    }
    this.#id = idField ?? first(row, IDS)
    const known = Object.values(this.#names).some((names) => first(row, names) !== undefined)
    if (textField === undefined && texts.length === 0 && !known) {
      throw new PithError('PITH_ARG', `no field of ${this.#name} is known to be its text`, {
        hint: `Name the field of the text: one of ${fieldNames(row)}.`,
      })
    }
  }

  #idOf(value: unknown, name: string, place: number): string {
    if (typeof value === 'string' && value !== '') return value
    if (typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value))) return String(value)
    throw this.#error(place, `has no ${name}, which ids are taken from`)
  }

  #text(value: unknown, name: string, place: number): string {
    if (!isThere(value)) return ''
    if (typeof value === 'string') return value
    if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
    if (Array.isArray(value) && value.every((part) => typeof part === 'string')) return value.join('\n')
    throw this.#error(place, `has a ${name} that is no text`)
  }

  #vector(parts: Record<string, unknown>, value: unknown, name: string, place: number): void {
    const fail = (what: string): PithError => this.#error(place, `has a ${name} that ${what}`)
    // Files of sparse encoders call theirs `vector` too.
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)) {
      parts['sparse'] = sparseVector(value, fail)
      return
    }
    const vector = denseVector(value, fail)
    this.#dim ??= vector.length
    if (vector.length !== this.#dim) throw fail(`has ${vector.length} numbers, those before it ${this.#dim}`)
    parts['vector'] = vector
  }

  #fields(row: Row, taken: ReadonlySet<string | undefined>, place: number): Record<string, FieldValue> | undefined {
    const wanted = this.#options.fields === undefined ? undefined : new Set(this.#options.fields)
    const found: [string, FieldValue][] = []
    const walk = (from: Row, prefix: string, depth: number): void => {
      for (const [key, value] of Object.entries(from)) {
        if (depth === 0 && taken.has(key) && !wanted?.has(key)) continue
        const name = `${prefix}${key}`
        if (isObject(value)) {
          if (depth + 1 < MAX_DEPTH) walk(value, `${name}.`, depth + 1)
          continue
        }
        const own = wanted !== undefined && !wanted.has(name) ? undefined : fieldValue(value)
        if (own === undefined) continue
        if (found.length === MAX_FIELDS)
          throw this.#error(place, `has more than ${MAX_FIELDS} fields`, 'Name the fields to keep.')
        found.push([name, own])
      }
    }
    walk(row, '', 0)
    return found.length === 0 ? undefined : Object.fromEntries(found)
  }

  #error(place: number, what: string, hint?: string): PithError {
    return new PithError('PITH_CORRUPT', `${this.#unit} ${place} of ${this.#name} ${what}`, {
      at: { entry: this.#name },
      ...(hint === undefined ? {} : { hint }),
    })
  }
}

/** Documents of a file of queries as queries. */
export async function* asQueries(documents: AsyncIterable<IndexDocument>): AsyncGenerator<IndexQuery, void, undefined> {
  for await (const { id, title, text, vector, sparse } of documents) {
    yield {
      id,
      text: text === '' ? (title ?? '') : text,
      ...(vector === undefined ? {} : { vector }),
      ...(sparse === undefined ? {} : { sparse }),
    }
  }
}

/** A value as a field; undefined where it is none. */
function fieldValue(value: unknown): FieldValue | undefined {
  if (typeof value === 'string' || typeof value === 'boolean') return value === '' ? undefined : value
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString()
  if (!Array.isArray(value)) return undefined
  const parts = value.filter((part) => ['string', 'number', 'bigint', 'boolean'].includes(typeof part)).map(String)
  return parts.length === value.length && parts.length > 0 ? parts : undefined
}

/** The first of names that has a value in a row. */
function first(row: Row, names: readonly string[]): string | undefined {
  return names.find((name) => Object.hasOwn(row, name) && isThere(row[name]))
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null
}

function isObject(value: unknown): value is Row {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value) &&
    !(value instanceof Date)
  )
}

function fieldNames(row: Row): string {
  const names = Object.keys(row).slice(0, 12)
  return names.length === 0 ? 'none, the row is empty' : names.map((name) => name.slice(0, 40)).join(', ')
}
