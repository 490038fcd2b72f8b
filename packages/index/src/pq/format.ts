/** Quantisers, codes and vectors as sections of an index; docs/format-index.md has the layout. */
import { ByteReader, ByteWriter, isPithError, PithError, type Run } from '@pith/core'
import type { SectionReader, SectionWriter } from '../sections.ts'
import { BinaryIndex, type SignCodes } from './binary.ts'
import { FlatIndex } from './flat.ts'
import { Int8Index } from './int8.ts'
import { codeBytes } from './pq-index.ts'
import { type Rabitq, RabitqIndex, type RabitqIndexOptions } from './rabitq.ts'
import type { Metric, Pq, PqCodes, SearcherOptions } from './types.ts'

const VERSION = 1
const METRICS: readonly Metric[] = ['ip', 'l2', 'cos']
const TYPES = ['f32', 'f16', 'i8'] as const
/** Numbers of a row at most. */
const MAX_DIM = 65536
const MAX_ROWS = 2 ** 31
const ROTATED = 1
const TRAINED = 2
/** Bytes of rows that are read or written at once. */
const PIECE = 2 ** 20

type Stored = (typeof TYPES)[number]

interface Head {
  readonly metric: Metric
  /** Bits of codes, or the place of the type of numbers. */
  readonly kind: number
  readonly flags: number
  readonly dim: number
  /** Parts, or rows. */
  readonly count: number
}

/** Write a quantiser into the sections `<prefix>head` and `<prefix>books`. */
export async function writePq(pq: Pq, sections: SectionWriter, prefix: string): Promise<void> {
  const { metric, bits, dim, m, mean, rotation, encoding, scoring } = pq
  const flags = (rotation === undefined ? 0 : ROTATED) | (scoring === encoding ? 0 : TRAINED)
  await sections.write(`${prefix}head`, encodeHead({ metric, kind: bits, flags, dim, count: m }))
  const arrays = [mean, rotation, encoding, scoring === encoding ? undefined : scoring]
  await sections.write(
    `${prefix}books`,
    arrays.flatMap((array) => (array === undefined ? [] : [bytesOf(array)])),
  )
}

/**
 * The quantiser that {@link writePq} wrote.
 *
 * @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED`, `PITH_VERSION`; what the sections throw
 */
export async function openPq(sections: SectionReader, prefix: string, run?: Run): Promise<Pq> {
  const { metric, kind: bits, flags, dim, count: m } = await readHead(sections, prefix, run)
  if ((bits !== 4 && bits !== 8) || flags > (ROTATED | TRAINED) || m < 1 || m > dim) {
    throw damaged(prefix, `a quantiser of ${m} parts of ${dim} numbers, ${bits} bits and flags ${flags}`)
  }
  const padded = Math.ceil(dim / m) * m
  const book = padded << bits
  const isRotated = (flags & ROTATED) !== 0
  const isTrained = (flags & TRAINED) !== 0
  const sizes = [dim, isRotated ? padded * padded : 0, book, isTrained ? book : 0]
  const name = `${prefix}books`
  expectSize(sections, name, 4 * sizes.reduce((sum, size) => sum + size))
  const all = await readFloats(sections, name, run)
  let at = 0
  const [mean, rotation, encoding, scoring] = sizes.map((size) => all.slice(at, (at += size))) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ]
  return {
    dim,
    padded,
    m,
    bits,
    metric,
    mean,
    rotation: isRotated ? rotation : undefined,
    encoding,
    scoring: isTrained ? scoring : encoding,
  }
}

/** Write codes into the section `<prefix>codes`. */
export async function writePqCodes(codes: PqCodes, sections: SectionWriter, prefix: string): Promise<void> {
  await sections.write(`${prefix}codes`, codes.data)
}

/**
 * The codes of `n` rows that {@link writePqCodes} wrote.
 *
 * @throws PithError `PITH_CORRUPT` they are of other rows; what the sections throw
 */
export async function openPqCodes(
  pq: Pq,
  n: number,
  sections: SectionReader,
  prefix: string,
  run?: Run,
): Promise<PqCodes> {
  const rowBytes = codeBytes(pq)
  const name = `${prefix}codes`
  expectSize(sections, name, n * rowBytes)
  const data = await sections.read(name, 0, undefined, run)
  if (pq.bits === 4 && pq.m % 2 === 1) {
    for (let at = rowBytes - 1; at < data.length; at += rowBytes) {
      if ((data[at] as number) > 15) throw damaged(name, `row ${(at + 1) / rowBytes - 1} has a code of no part`)
    }
  }
  return { n, rowBytes, data }
}

/** Write vectors into the sections `<prefix>head`, `<prefix>rows` and, with 8 bits, `<prefix>scales`. */
export async function writeVectors(
  vectors: FlatIndex | Int8Index,
  sections: SectionWriter,
  prefix: string,
): Promise<void> {
  const { n, dim, metric } = vectors
  const type: Stored = vectors instanceof Int8Index ? 'i8' : vectors.type
  const head: Head = { metric, kind: TYPES.indexOf(type), flags: 0, dim, count: n }
  await sections.write(`${prefix}head`, encodeHead(head))
  await sections.write(`${prefix}rows`, rowPieces(vectors))
  if (vectors instanceof Int8Index) await sections.write(`${prefix}scales`, bytesOf(vectors.stored().scales))
}

function* rowPieces(vectors: FlatIndex | Int8Index): Generator<Uint8Array> {
  const step = Math.max(1, Math.floor(PIECE / vectors.dim))
  for (let from = 0; from < vectors.n; from += step) {
    const to = Math.min(vectors.n, from + step)
    yield bytesOf(vectors instanceof Int8Index ? vectors.stored(from, to).data : vectors.stored(from, to))
  }
}

/**
 * The vectors that {@link writeVectors} wrote.
 *
 * @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED`, `PITH_VERSION` · `PITH_LIMIT` more than 2 GiB; what the sections throw
 */
export async function openVectors(
  sections: SectionReader,
  prefix: string,
  options: SearcherOptions & Run = {},
): Promise<FlatIndex | Int8Index> {
  const { metric, kind, flags, dim, count: n } = await readHead(sections, prefix, options)
  const type = TYPES[kind]
  if (type === undefined || flags !== 0) throw damaged(prefix, `vectors of type ${kind} and flags ${flags}`)
  const name = `${prefix}rows`
  const size = type === 'f32' ? 4 : type === 'f16' ? 2 : 1
  // The file has as many bytes: only now is memory taken.
  expectSize(sections, name, n * dim * size)
  const scales = type === 'i8' ? await readScales(sections, `${prefix}scales`, n, options) : undefined
  const out =
    type === 'i8' ? new Int8Index({ n, dim, metric }, options) : new FlatIndex({ n, dim, metric, type }, options)
  const step = Math.max(1, Math.floor(PIECE / dim))
  for (let first = 0; first < n; first += step) {
    const to = Math.min(n, first + step)
    const { buffer } = await sections.read(name, first * dim * size, to * dim * size, options)
    if (out instanceof Int8Index) {
      const data = new Int8Array(buffer)
      if (data.includes(-128)) throw damaged(name, 'it has a number out of range')
      const own = { data, scales: (scales as Float32Array).subarray(first, to) }
      fillChecked(name, () => out.fill(first, own))
    } else {
      fillChecked(name, () => out.fill(first, type === 'f32' ? new Float32Array(buffer) : new Uint16Array(buffer)))
    }
  }
  return out
}

async function readScales(sections: SectionReader, name: string, n: number, run: Run): Promise<Float32Array> {
  expectSize(sections, name, 4 * n)
  const scales = await readFloats(sections, name, run)
  if (!scales.every((scale) => scale >= 0)) throw damaged(name, 'it has scales below 0')
  return scales
}

function fillChecked(name: string, fill: () => void): void {
  try {
    fill()
  } catch (cause) {
    if (!isPithError(cause, 'PITH_NONFINITE')) throw cause
    throw damaged(name, cause.message)
  }
}

/** Write signs into the sections `<prefix>head` and `<prefix>bits`. */
export async function writeSigns(signs: BinaryIndex, sections: SectionWriter, prefix: string): Promise<void> {
  const { n, dim } = signs
  await sections.write(`${prefix}head`, encodeHead({ metric: 'ip', kind: 0, flags: 0, dim, count: n }))
  await sections.write(`${prefix}bits`, signs.codes().data)
}

/**
 * The signs that {@link writeSigns} wrote.
 *
 * @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED`, `PITH_VERSION`; what the sections throw
 */
export async function openSigns(
  sections: SectionReader,
  prefix: string,
  options: SearcherOptions & Run = {},
): Promise<BinaryIndex> {
  const { metric, kind, flags, dim, count: n } = await readHead(sections, prefix, options)
  const name = `${prefix}bits`
  if (metric !== 'ip' || kind !== 0 || flags !== 0) throw damaged(prefix, 'it is no head of signs')
  const bytes = (dim + 7) >>> 3
  expectSize(sections, name, n * bytes)
  const data = await sections.read(name, 0, undefined, options)
  const spare = 8 * bytes - dim
  for (let at = bytes - 1; spare > 0 && at < data.length; at += bytes) {
    if ((data[at] as number) >> (8 - spare) !== 0) throw damaged(name, 'it has bits behind the last of a row')
  }
  return new BinaryIndex({ n, dim, data } satisfies SignCodes, options)
}

/** Write codes of a bit a number into the sections `<prefix>head`, `<prefix>books`, `<prefix>bits` and `<prefix>scales`. */
export async function writeRabitq(index: RabitqIndex, sections: SectionWriter, prefix: string): Promise<void> {
  const { n, code } = index
  const { metric, dim, mean, rotation } = code
  const { data, scales, shifts } = index.codes()
  await sections.write(`${prefix}head`, encodeHead({ metric, kind: 1, flags: 0, dim, count: n }))
  await sections.write(`${prefix}books`, [bytesOf(mean), bytesOf(rotation)])
  await sections.write(`${prefix}bits`, data)
  await sections.write(`${prefix}scales`, [bytesOf(scales), bytesOf(shifts)])
}

/**
 * The codes that {@link writeRabitq} wrote.
 *
 * @throws PithError `PITH_CORRUPT`, `PITH_TRUNCATED`, `PITH_VERSION`; what the sections throw
 */
export async function openRabitq(
  sections: SectionReader,
  prefix: string,
  options: RabitqIndexOptions & Run = {},
): Promise<RabitqIndex> {
  const { metric, kind, flags, dim, count: n } = await readHead(sections, prefix, options)
  if (kind !== 1 || flags !== 0) throw damaged(prefix, 'it is no head of estimates')
  const padded = 8 * Math.ceil(dim / 8)
  const names = { books: `${prefix}books`, bits: `${prefix}bits`, scales: `${prefix}scales` }
  expectSize(sections, names.books, 4 * (dim + padded * padded))
  expectSize(sections, names.bits, (n * padded) / 8)
  expectSize(sections, names.scales, 8 * n)
  const [books, data, pairs] = await Promise.all([
    readFloats(sections, names.books, options),
    sections.read(names.bits, 0, undefined, options),
    readFloats(sections, names.scales, options),
  ])
  const scales = pairs.slice(0, n)
  if (!scales.every((scale) => scale >= 0)) throw damaged(names.scales, 'it has scales below 0')
  const code: Rabitq = { dim, padded, metric, mean: books.slice(0, dim), rotation: books.slice(dim) }
  return new RabitqIndex(code, { n, data, scales, shifts: pairs.slice(n) }, options)
}

async function readFloats(sections: SectionReader, name: string, run: Run | undefined): Promise<Float32Array> {
  const all = new Float32Array((await sections.read(name, 0, undefined, run)).buffer)
  if (!all.every(Number.isFinite)) throw damaged(name, 'it has numbers that are not finite')
  return all
}

function encodeHead({ metric, kind, flags, dim, count }: Head): Uint8Array {
  const out = new ByteWriter(12)
  out.u8(VERSION)
  out.u8(METRICS.indexOf(metric))
  out.u8(kind)
  out.u8(flags)
  out.u32(dim)
  out.u32(count)
  return out.view()
}

async function readHead(sections: SectionReader, prefix: string, run?: Run): Promise<Head> {
  const input = new ByteReader(await sections.read(`${prefix}head`, 0, undefined, run))
  const version = input.u8()
  if (version !== VERSION) {
    throw new PithError(
      'PITH_VERSION',
      `the section ${prefix}head is of version ${version}, this pith reads ${VERSION}`,
      {
        hint: 'Update pith.',
      },
    )
  }
  const metric = METRICS[input.u8()]
  const [kind, flags, dim, count] = [input.u8(), input.u8(), input.u32(), input.u32()]
  input.finish()
  if (metric === undefined || dim < 1 || dim > MAX_DIM || count > MAX_ROWS) {
    throw damaged(`${prefix}head`, `${count} of ${dim} numbers`)
  }
  return { metric, kind, flags, dim, count }
}

function expectSize(sections: SectionReader, name: string, bytes: number): void {
  const size = sections.size(name)
  if (size !== bytes) throw damaged(name, `${size} bytes, expected ${bytes}`)
}

/** Numbers are little endian, as on all platforms that run WebAssembly. */
function bytesOf(array: Float32Array | Uint16Array | Int8Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}

function damaged(section: string, what: string): PithError {
  return new PithError('PITH_CORRUPT', `the section ${JSON.stringify(section)} is damaged: ${what}`, {
    hint: 'Build the index again, or restore it from a copy.',
    at: { section },
  })
}
