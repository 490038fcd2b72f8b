import { concatBytes, f16FromF32, PithError, type Run } from '@pith/core'
import { type BprLayer, hashDocuments } from '../bpr/layer.ts'
import { openPqCodes, openSigns, openVectors, writePqCodes, writeSigns, writeVectors } from '../pq/format.ts'
import {
  BinaryIndex,
  codeBytes,
  encodePq,
  FlatIndex,
  Int8Index,
  type Int8Rows,
  type Pq,
  type PqCodes,
} from '../pq/index.ts'
import { roundRows } from '../pq/int8.ts'
import { normalizeRows } from '../pq/vectors.ts'
import { filterOf, isKept } from '../row-filter.ts'
import type { SectionReader, SectionWriter } from '../sections.ts'
import type { DenseMatrix, Encoder, IndexDocument, RowFilter } from '../types.ts'
import { filterOfRows } from './columns.ts'
import { damaged, encodedText } from './document.ts'
import type { Models } from './models.ts'
import type { Origin, PartWriter } from './segment.ts'
import type { DenseSettings, VectorType } from './settings.ts'

/** Documents whose texts are encoded at once. */
const TEXTS_AT_ONCE = 256
/** Rows that are coded at once. */
const ROWS_AT_ONCE = 32_768

/** What a segment says of its vectors. */
export interface DenseInfo {
  readonly dim: number
  /** How vectors are kept, absent where they are not. */
  readonly vectors?: Exclude<VectorType, 'none'>
  /** Version of the models that its codes are of, absent without codes. */
  readonly codes?: number
  /** Version of the layer that its signs are of, absent without signs. */
  readonly signs?: number
  /** Whether some documents have no vector. */
  readonly partial: boolean
}

/** The vectors of a segment. */
export interface DensePart {
  readonly info: DenseInfo
  readonly vectors: FlatIndex | Int8Index | undefined
  readonly codes: PqCodes | undefined
  readonly signs: BinaryIndex | undefined
  /** Rows that have a vector; undefined where all have. */
  readonly present: RowFilter | undefined
}

/** What the vectors of documents are made with. */
export interface DensePlan {
  readonly settings: DenseSettings
  readonly models: Models
  readonly encoder: Encoder | undefined
  /** Segments that documents are taken from, in the order of {@link Origin}. */
  readonly sources: readonly DenseSource[]
}

/** The vectors of a segment that is merged. */
export interface DenseSource {
  open(run?: Run): Promise<DensePart | undefined>
}

/** How vectors are kept: where codes are not trained yet, what they are to be trained on. */
function keptType({ vectors, pq }: DenseSettings, models: Models): VectorType {
  return vectors === 'none' && (pq === undefined || models.pq === undefined) ? 'f16' : vectors
}

/** Where the vector of a row comes from: it is at hand, or stands in a segment as it is to be kept; undefined where there is none. */
type Slot = Float32Array | { readonly part: DensePart; readonly row: number } | undefined

/** Vectors as they are kept. */
type StoredRows = Int8Rows | Float32Array | Uint16Array

/** Takes documents and makes vectors and codes of them. */
export class DensePartWriter implements PartWriter {
  readonly #plan: DensePlan
  readonly #run: Run | undefined
  readonly #dim: number
  readonly #type: VectorType
  readonly #parts: Promise<DensePart | undefined>[] = []
  #pending: { readonly document: IndexDocument; readonly origin: Origin | undefined }[] = []
  #slots: Slot[] = []
  readonly #stored: StoredRows[] = []
  readonly #codes: Uint8Array[] = []
  readonly #signs: Uint8Array[] = []
  readonly #present: number[] = []
  #count = 0

  constructor(plan: DensePlan, run?: Run) {
    this.#plan = plan
    this.#run = run
    this.#dim = plan.encoder?.dim ?? plan.settings.dim
    this.#type = keptType(plan.settings, plan.models)
  }

  async add(document: IndexDocument, _row: number, origin?: Origin): Promise<void> {
    this.#pending.push({ document, origin })
    if (this.#pending.length >= TEXTS_AT_ONCE) await this.#drain()
  }

  /** Vectors of the documents that wait: given, taken from their segments, or made of their texts. */
  async #drain(): Promise<void> {
    const pending = this.#pending
    this.#pending = []
    const slots = await Promise.all(pending.map((item) => this.#known(item)))
    const missing = pending.flatMap((_, i) => (slots[i] === undefined ? [i] : []))
    const { encoder } = this.#plan
    if (encoder !== undefined && missing.length > 0) {
      const texts = missing.map((i) => encodedText(pending[i].document))
      const made = await encoder.encode(texts, 'document', this.#run)
      if (made.dim !== this.#dim || made.n !== texts.length) {
        throw new PithError('PITH_SHAPE', `the encoder gave ${made.n} x ${made.dim} numbers for ${texts.length} texts`)
      }
      for (const [n, i] of missing.entries()) slots[i] = made.data.slice(n * made.dim, (n + 1) * made.dim)
    }
    for (const slot of slots) {
      if (slot !== undefined) this.#present.push(this.#count)
      this.#count++
      this.#slots.push(slot)
    }
    if (this.#slots.length >= ROWS_AT_ONCE) await this.#pack()
  }

  async #known({ document, origin }: { document: IndexDocument; origin: Origin | undefined }): Promise<Slot> {
    if (document.vector !== undefined) return document.vector
    if (origin === undefined) return undefined
    this.#parts[origin.from] ??= this.#plan.sources[origin.from]?.open(this.#run) ?? Promise.resolve(undefined)
    const part = await this.#parts[origin.from]
    if (part === undefined || (part.present !== undefined && !isKept(part.present, origin.row))) return undefined
    const { pq, hash, version } = this.#plan.models
    const hasCodes =
      (pq === undefined || part.info.codes === version) && (hash === undefined || part.info.signs === hash.version)
    if (part.info.dim === this.#dim && (part.vectors !== undefined || (this.#type === 'none' && hasCodes))) {
      return { part, row: origin.row }
    }
    if (this.#plan.encoder !== undefined) return undefined
    throw new PithError('PITH_CAPABILITY', 'the vectors of the index are gone, only codes of them are left', {
      hint: 'Keep vectors (int8) to train codes again, or open the index with its encoder.',
    })
  }

  async #pack(): Promise<void> {
    const slots = this.#slots
    this.#slots = []
    if (this.#type !== 'none') this.#stored.push(this.#store(slots, this.#type))
    const { pq, hash } = this.#plan.models
    if (pq !== undefined) this.#codes.push(await this.#code(slots, pq))
    if (hash !== undefined) this.#signs.push(this.#sign(slots, hash.layer, hash.version))
  }

  #sign(slots: readonly Slot[], layer: BprLayer, version: number): Uint8Array {
    const rowBytes = (layer.bits + 7) >>> 3
    const out = new Uint8Array(slots.length * rowBytes)
    const fresh: number[] = []
    for (const [i, slot] of slots.entries()) {
      if (slot === undefined) continue
      const kept = slot instanceof Float32Array || slot.part.info.signs !== version ? undefined : slot
      if (kept === undefined) fresh.push(i)
      else out.set((kept.part.signs as BinaryIndex).codes(kept.row, kept.row + 1).data, i * rowBytes)
    }
    const { data } = hashDocuments(layer, this.#vectors(slots, fresh))
    for (const [n, i] of fresh.entries()) out.set(data.subarray(n * rowBytes, (n + 1) * rowBytes), i * rowBytes)
    return out
  }

  #vectors(slots: readonly Slot[], rows: readonly number[]): DenseMatrix {
    const data = new Float32Array(rows.length * this.#dim)
    for (const [n, i] of rows.entries()) data.set(vectorOf(slots[i] as Exclude<Slot, undefined>), n * this.#dim)
    return { n: rows.length, dim: this.#dim, data }
  }

  #store(slots: readonly Slot[], type: Exclude<VectorType, 'none'>): StoredRows {
    const dim = this.#dim
    const data = new ARRAYS[type](slots.length * dim)
    const scales = new Float32Array(slots.length)
    for (const [i, slot] of slots.entries()) {
      if (slot === undefined) continue
      const kept = slot instanceof Float32Array || slot.part.info.vectors !== type ? undefined : slot
      const own = kept?.part.vectors?.stored(kept.row, kept.row + 1) ?? this.#round(vectorOf(slot), type)
      if ('scales' in own) scales[i] = own.scales[0]
      data.set('scales' in own ? own.data : own, i * dim)
    }
    return data instanceof Int8Array ? { data, scales } : data
  }

  #round(vector: Float32Array, type: Exclude<VectorType, 'none'>): StoredRows {
    const own = vector.slice()
    if (this.#plan.settings.metric === 'cos') normalizeRows(own, own.length)
    if (type === 'int8') return roundRows(own, own.length)
    return type === 'f16' ? f16FromF32(own) : own
  }

  async #code(slots: readonly Slot[], pq: Pq): Promise<Uint8Array> {
    const rowBytes = codeBytes(pq)
    const out = new Uint8Array(slots.length * rowBytes)
    const fresh: number[] = []
    for (const [i, slot] of slots.entries()) {
      if (slot === undefined) continue
      const { version } = this.#plan.models
      const kept = slot instanceof Float32Array || slot.part.info.codes !== version ? undefined : slot
      if (kept === undefined) fresh.push(i)
      else {
        const { data } = kept.part.codes as PqCodes
        out.set(data.subarray(kept.row * rowBytes, (kept.row + 1) * rowBytes), i * rowBytes)
      }
    }
    const made = await encodePq(pq, this.#vectors(slots, fresh), this.#run)
    for (const [n, i] of fresh.entries()) {
      out.set(made.data.subarray(n * rowBytes, (n + 1) * rowBytes), i * rowBytes)
    }
    return out
  }

  async finish(sections: SectionWriter): Promise<DenseInfo | undefined> {
    if (this.#pending.length > 0) await this.#drain()
    if (this.#present.length === 0) return undefined
    await this.#pack()
    const n = this.#count
    const { metric } = this.#plan.settings
    const type = this.#type
    if (type !== 'none') {
      const shape = { n, dim: this.#dim, metric }
      const index = type === 'int8' ? new Int8Index(shape) : new FlatIndex({ ...shape, type })
      let first = 0
      for (const rows of this.#stored) {
        if (index instanceof Int8Index) index.fill(first, rows as Int8Rows)
        else index.fill(first, rows as Float32Array | Uint16Array)
        first += ('scales' in rows ? rows.data : rows).length / this.#dim
      }
      await writeVectors(index, sections, 'dense/vectors/')
    }
    const { pq, hash, version } = this.#plan.models
    if (hash !== undefined) {
      const signs = new BinaryIndex({ n, dim: hash.layer.bits, data: concatBytes(this.#signs) })
      await writeSigns(signs, sections, 'dense/signs/')
    }
    if (pq !== undefined) {
      await writePqCodes({ n, rowBytes: codeBytes(pq), data: concatBytes(this.#codes) }, sections, 'dense/')
    }
    const partial = this.#present.length < n
    if (partial) {
      const { words } = filterOfRows(n, [this.#present])
      await sections.write('dense/present', new Uint8Array(words.buffer))
    }
    return {
      dim: this.#dim,
      ...(type === 'none' ? {} : { vectors: type }),
      ...(pq === undefined ? {} : { codes: version }),
      ...(hash === undefined ? {} : { signs: hash.version }),
      partial,
    }
  }
}

const ARRAYS = { int8: Int8Array, f16: Uint16Array, f32: Float32Array } as const

function vectorOf(slot: Exclude<Slot, undefined>): Float32Array {
  if (slot instanceof Float32Array) return slot
  const { vectors } = slot.part
  if (vectors === undefined) throw new PithError('PITH_INTERNAL', 'a row is to be taken from a part without vectors')
  return vectors.vector(slot.row)
}

/** Open the vectors of a segment; undefined where it has none. @throws PithError damage */
export async function openDense(
  info: unknown,
  rows: number,
  settings: DenseSettings,
  models: Models,
  sections: SectionReader,
  run?: Run,
): Promise<DensePart> {
  const own = checkInfo(info)
  const isOf = (index: FlatIndex | Int8Index): boolean => {
    const type = index instanceof Int8Index ? 'int8' : index.type
    return index.n === rows && index.dim === own.dim && index.metric === settings.metric && type === own.vectors
  }
  const vectors = own.vectors === undefined ? undefined : await openVectors(sections, 'dense/vectors/', run ?? {})
  if (vectors !== undefined && !isOf(vectors)) throw damaged('the vectors of a segment are not those of the index')
  let codes: PqCodes | undefined
  if (own.codes !== undefined) {
    if (models.pq === undefined || own.codes !== models.version || models.pq.dim !== own.dim) {
      throw damaged(`a segment has codes of training ${own.codes}, the index is at ${models.version}`)
    }
    codes = await openPqCodes(models.pq, rows, sections, 'dense/', run)
  }
  const signs = own.signs === undefined ? undefined : await openSigns(sections, 'dense/signs/', run ?? {})
  if (signs !== undefined) {
    const { layer, version } = models.hash ?? {}
    if (own.signs !== version || signs.n !== rows || signs.dim !== layer?.bits) {
      throw damaged(`a segment has signs of layer ${own.signs}, the index is at ${version}`)
    }
  }
  if (vectors === undefined && codes === undefined) throw damaged('a segment has neither vectors nor codes')
  return { info: own, vectors, codes, signs, present: own.partial ? await readPresent(sections, rows, run) : undefined }
}

async function readPresent(sections: SectionReader, rows: number, run?: Run): Promise<RowFilter> {
  const words = (rows + 31) >>> 5
  if (sections.size('dense/present') !== 4 * words) throw damaged('the rows with vectors are damaged')
  const own = new Uint32Array((await sections.read('dense/present', 0, undefined, run)).buffer)
  if ((rows & 31) !== 0 && own[words - 1] >>> (rows & 31) !== 0) throw damaged('a row that is not there has a vector')
  return filterOf(own)
}

function checkInfo(info: unknown): DenseInfo {
  const { dim, vectors, codes, signs, partial } = (info ?? {}) as Partial<DenseInfo>
  const isRight =
    Number.isInteger(dim) &&
    (vectors === undefined || Object.hasOwn(ARRAYS, vectors)) &&
    [codes, signs].every((version) => version === undefined || Number.isSafeInteger(version)) &&
    typeof partial === 'boolean'
  if (!isRight) throw damaged('what a segment says of its vectors is damaged')
  return info as DenseInfo
}
