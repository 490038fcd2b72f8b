/** Sparse rows and vocabularies as sections of a segment. Mirrors docs/format-index.md. */
import { ByteReader, ByteWriter, PithError, type Run } from '@pith/core'
import type { SectionReader, SectionWriter } from '../sections.ts'
import type { SparseMatrix } from '../types.ts'
import { checkSparseMatrix } from './matrix.ts'
import { SparseVocabulary } from './vocabulary.ts'

const VERSION = 1
/** Bytes of names for each that is stored, at most: names that share all but a byte would otherwise fill the memory. */
const MOST_SHARED = 64

/** Write rows into the sections `<prefix>lengths`, `<prefix>indices` and `<prefix>values`. @throws what the writer throws */
export async function writeSparse(matrix: SparseMatrix, sections: SectionWriter, prefix: string): Promise<void> {
  const { dim, indptr, indices, values } = matrix
  const rows = indptr.length - 1
  const lengths = new ByteWriter(rows + 16)
  for (const value of [VERSION, dim, rows]) lengths.varint(value)
  const gaps = new ByteWriter(2 * indices.length)
  const floats = new ByteWriter(4 * values.length)
  for (let row = 0; row < rows; row++) {
    const [from, to] = [indptr[row] as number, indptr[row + 1] as number]
    lengths.varint(to - from)
    let next = 0
    for (let at = from; at < to; at++) {
      gaps.varint((indices[at] as number) - next)
      next = (indices[at] as number) + 1
      floats.f32(values[at] as number)
    }
  }
  await sections.write(`${prefix}lengths`, lengths.view())
  await sections.write(`${prefix}indices`, gaps.view())
  await sections.write(`${prefix}values`, floats.view())
}

/**
 * Rows that {@link writeSparse} wrote.
 *
 * @throws PithError `PITH_CORRUPT` `PITH_SHAPE` `PITH_NONFINITE` they are no sparse matrix · `PITH_VERSION` a later version; what the
 * sections throw; the abort reason
 */
export async function openSparse(sections: SectionReader, prefix: string, run?: Run): Promise<SparseMatrix> {
  const read = async (name: string): Promise<ByteReader> =>
    new ByteReader(await sections.read(prefix + name, undefined, undefined, run))
  const [lengths, gaps, floats] = await Promise.all([read('lengths'), read('indices'), read('values')])
  const version = lengths.varint()
  if (version !== VERSION)
    throw new PithError('PITH_VERSION', `version ${VERSION} of sparse rows is expected, got ${version}`)
  const [dim, rows] = [lengths.varint(), lengths.varint()]
  const count = floats.remaining / 4
  if (rows > lengths.remaining || !Number.isInteger(count) || count > gaps.remaining) {
    throw new PithError('PITH_CORRUPT', `${rows} sparse rows of ${count} values do not fit into their sections`)
  }
  const indptr = new Uint32Array(rows + 1)
  const indices = dim <= 65536 ? new Uint16Array(count) : new Uint32Array(count)
  const values = new Float32Array(count)
  for (let row = 0, at = 0; row < rows; row++) {
    const end = at + lengths.varint()
    if (end > count) throw new PithError('PITH_CORRUPT', `row ${row} ends behind the values`)
    let next = 0
    for (; at < end; at++) {
      next += gaps.varint()
      if (next >= dim) throw new PithError('PITH_CORRUPT', `row ${row} has component ${next} of ${dim}`)
      indices[at] = next++
      values[at] = floats.f32()
    }
    indptr[row + 1] = end
  }
  for (const reader of [lengths, gaps, floats]) reader.finish()
  const matrix = { dim, indptr, indices, values }
  checkSparseMatrix(matrix)
  return matrix
}

/** Write names into the section `<prefix>names`: each is told by what it shares with the one before. @throws what the writer throws */
export async function writeVocabulary(
  vocabulary: SparseVocabulary,
  sections: SectionWriter,
  prefix: string,
): Promise<void> {
  const out = new ByteWriter()
  const encoder = new TextEncoder()
  out.varint(vocabulary.size)
  let last = new Uint8Array(0)
  for (const name of vocabulary.names) {
    const bytes = encoder.encode(name)
    let shared = 0
    while (shared < bytes.length && bytes[shared] === last[shared]) shared++
    out.varint(shared)
    out.varint(bytes.length - shared)
    out.bytes(bytes.subarray(shared))
    last = bytes
  }
  await sections.write(`${prefix}names`, out.view())
}

/** Names that {@link writeVocabulary} wrote. @throws PithError `PITH_CORRUPT` they do not ascend; what the sections throw; the abort reason */
export async function openVocabulary(sections: SectionReader, prefix: string, run?: Run): Promise<SparseVocabulary> {
  const input = new ByteReader(await sections.read(`${prefix}names`, undefined, undefined, run))
  const count = input.varint()
  // Each takes two bytes.
  if (2 * count > input.remaining) throw new PithError('PITH_CORRUPT', `${count} names in ${input.remaining} bytes`)
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const names: string[] = []
  const most = MOST_SHARED * input.end
  let total = 0
  let last = new Uint8Array(0)
  for (let i = 0; i < count; i++) {
    const shared = input.varint()
    const rest = input.take(input.varint())
    total += shared + rest.length
    if (shared > last.length || total > most) {
      throw new PithError('PITH_CORRUPT', `name ${i} shares ${shared} bytes with one of ${last.length}`)
    }
    const bytes = new Uint8Array(shared + rest.length)
    bytes.set(last.subarray(0, shared))
    bytes.set(rest, shared)
    names.push(decodeName(decoder, bytes))
    last = bytes
  }
  input.finish()
  try {
    return new SparseVocabulary(names)
  } catch (cause) {
    throw new PithError('PITH_CORRUPT', 'the names of components do not ascend', { cause })
  }
}

function decodeName(decoder: TextDecoder, bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new PithError('PITH_CORRUPT', 'the name of a component is no UTF-8', { cause })
  }
}
