/** A lexical index as sections of a segment: the head with the first terms of blocks, lengths, vocabulary, postings and places. */
import {
  ByteReader,
  ByteWriter,
  checkLimit,
  meterProgress,
  PithError,
  type Run,
  resolveLimits,
  throwIfAborted,
} from '@pith/core'
import { analyzerOf } from '@pith/core/lexical'
import type { SectionReader, SectionWriter } from '../sections.ts'
import { LexicalIndex } from './lexical.ts'
import { PackWriter, packPlaces, packPostings } from './packing.ts'
import { type LexicalContent, type LexicalInfo, MAX_ROWS } from './source.ts'
import { type Directory, StoredSource } from './stored.ts'

const VERSION = 1
/** Terms whose postings are packed before they are handed on. */
const BATCH = 64
const PIECE_BYTES = 1 << 16

/** Sections that {@link writeLexical} writes. */
export const LEXICAL_SECTIONS: readonly string[] = ['head', 'lengths', 'terms', 'postings', 'places']

/**
 * Write an index into the sections `<prefix>head`, `lengths`, `terms`, `postings` and `places`. Memory stays bounded by the vocabulary.
 *
 * @throws what the writer throws; the abort reason
 */
export async function writeLexical(
  part: LexicalIndex | LexicalContent,
  sections: SectionWriter,
  prefix: string,
  run?: Run,
): Promise<void> {
  const source = part instanceof LexicalIndex ? part.source : part
  const { info } = source
  const progress = meterProgress(run, { stage: 'terms', unit: 'rows', total: 2 * info.terms })
  const sizes: Sizes = { documents: new GrowingList(), postings: new GrowingList(), places: new GrowingList() }
  let done = 0
  // Postings take 1 to 3 bytes each, and there are fewer of them than words.
  const estimate = Math.min(info.totalLength, 2 ** 40)
  for (const name of ['postings', 'places'] as const) {
    const pieces = packTerms(source, name, sizes, (terms) => progress.update((done += terms)), run)
    await sections.write(prefix + name, pieces, { blockBytes: blockBytesFor(estimate) })
  }
  const directory = new ByteWriter()
  const { bytes, terms } = await encodeVocabulary(source, sizes, directory, run)
  await sections.write(`${prefix}terms`, bytes, bytes.length < 2 ** 22 ? { blockBytes: 4096 } : {})
  const lengths = new ByteWriter(info.rows)
  for (const length of await source.lengths(run)) lengths.varint(length)
  await sections.write(`${prefix}lengths`, lengths.view())
  const head = new ByteWriter()
  head.varint(VERSION)
  writeText(head, info.analyzer)
  for (const value of [info.titleWeight, info.rows, info.totalLength, terms]) head.varint(value)
  head.bytes(directory.view())
  await sections.write(`${prefix}head`, head.view())
  progress.finish()
}

/** Blocks that are small where an index is read over a network, and not too many where it is large. */
function blockBytesFor(bytes: number): number {
  let size = 4096
  while (size * 4096 < bytes && size < 2 ** 18) size *= 2
  return size
}

async function* packTerms(
  source: LexicalContent,
  name: 'postings' | 'places',
  sizes: Sizes,
  onTerms: (terms: number) => void,
  run?: Run,
): AsyncGenerator<Uint8Array> {
  const out = new PackWriter()
  for await (const entries of source.walk('', run)) {
    for (let from = 0; from < entries.length; from += BATCH) {
      throwIfAborted(run?.signal)
      const batch = entries.slice(from, from + BATCH)
      const parts = name === 'postings' ? await source.postings(batch, run) : await source.places(batch, run)
      for (const part of parts) {
        const before = out.length
        if ('rows' in part) {
          packPostings(out, part)
          // Of a merged term no document may be left.
          sizes.documents.push(part.rows.length)
        } else {
          packPlaces(out, part)
        }
        sizes[name].push(out.length - before)
      }
      onTerms(batch.length)
      if (out.length < PIECE_BYTES) continue
      yield out.bytes.slice(0, out.length)
      out.length = 0
    }
  }
  yield out.bytes.slice(0, out.length)
}

/**
 * Blocks of 64 terms: letters shared with the term before, bytes of the rest, the rest, documents, bytes of postings and of places.
 * The directory has for each block its first term, its bytes, and the bytes of its postings and places.
 */
async function encodeVocabulary(
  source: LexicalContent,
  sizes: Sizes,
  directory: ByteWriter,
  run?: Run,
): Promise<{ bytes: Uint8Array; terms: number }> {
  const out = new ByteWriter(1 << 16)
  let walked = 0
  let number = 0
  let last = ''
  let start = 0
  const sums = { postings: 0, places: 0 }
  const endBlock = (): void => {
    for (const value of [out.length - start, sums.postings, sums.places]) directory.varint(value)
    start = out.length
    sums.postings = sums.places = 0
  }
  for await (const entries of source.walk('', run)) {
    for (const { term } of entries) {
      const at = walked++
      const documents = sizes.documents.at(at)
      if (documents === 0) continue
      if (number % StoredSource.BLOCK_TERMS === 0) {
        if (number > 0) endBlock()
        last = ''
        writeText(directory, term)
      }
      const shared = sharedLetters(last, term)
      out.varint(shared)
      writeText(out, term.slice(shared))
      out.varint(documents)
      for (const name of ['postings', 'places'] as const) {
        const size = sizes[name].at(at)
        out.varint(size)
        sums[name] += size
      }
      last = term
      number++
    }
  }
  if (number > 0) endBlock()
  return { bytes: out.view(), terms: number }
}

/** UTF-16 code units that two terms begin with, no half of a surrogate pair at the end. */
function sharedLetters(a: string, b: string): number {
  const most = Math.min(a.length, b.length, 255)
  let n = 0
  while (n < most && a.charCodeAt(n) === b.charCodeAt(n)) n++
  const before = n > 0 ? b.charCodeAt(n - 1) : 0
  return before >= 0xd800 && before <= 0xdbff ? n - 1 : n
}

function writeText(out: ByteWriter, text: string): void {
  const bytes = new TextEncoder().encode(text)
  out.varint(bytes.length)
  out.bytes(bytes)
}

/** Of each term that was walked. */
interface Sizes {
  readonly documents: GrowingList
  readonly postings: GrowingList
  readonly places: GrowingList
}

/** Numbers below 2^32 that come one by one. */
class GrowingList {
  #values = new Uint32Array(1024)
  length = 0

  push(value: number): void {
    if (this.length === this.#values.length) {
      const longer = new Uint32Array(this.length * 2)
      longer.set(this.#values)
      this.#values = longer
    }
    this.#values[this.length++] = value
  }

  at(i: number): number {
    return this.#values[i] as number
  }
}

/** How an index is opened. */
export interface OpenLexicalOptions {
  /** Decoded postings that are kept, in bytes. Default 64 MiB. */
  cacheBytes?: number
}

/**
 * Open an index that {@link writeLexical} wrote. Read are the head and the lengths; vocabulary and postings when a query needs
 * them.
 *
 * @throws PithError `PITH_CORRUPT` · `PITH_VERSION` an analyzer or a form that is not known here · `PITH_LIMIT`
 */
export async function openLexical(
  sections: SectionReader,
  prefix: string,
  options: OpenLexicalOptions = {},
  run?: Run,
): Promise<LexicalIndex> {
  const [head, lengths] = await Promise.all([
    sections.read(`${prefix}head`, undefined, undefined, run),
    sections.read(`${prefix}lengths`, undefined, undefined, run),
  ])
  const input = new ByteReader(head)
  const version = input.varint()
  if (version !== VERSION) {
    throw new PithError('PITH_VERSION', `the lexical index has form ${version}, form ${VERSION} is known here`, {
      hint: 'Read it with a newer pith.',
    })
  }
  const analyzer = input.utf8(input.varint())
  const [titleWeight, rows, totalLength, terms] = [input.varint(), input.varint(), input.varint(), input.varint()]
  if (!(titleWeight >= 1 && titleWeight <= 16)) throw corrupt(prefix, `a weight of ${titleWeight} for titles`)
  if (rows > MAX_ROWS || rows > lengths.length) throw corrupt(prefix, `${rows} documents`)
  const info: LexicalInfo = { analyzer, titleWeight, rows, totalLength, terms }
  checkLimit(resolveLimits(run?.limits), 'memoryBytes', rows * 4, 'the lengths of documents')
  const own = decodeLengths(lengths, info, prefix)
  const directory = decodeDirectory(input, terms, sections, prefix)
  const source = new StoredSource(sections, prefix, info, own, directory, options.cacheBytes ?? 2 ** 26)
  return new LexicalIndex(source, analyzerOf(analyzer))
}

function decodeLengths(bytes: Uint8Array, { rows, totalLength }: LexicalInfo, prefix: string): Uint32Array {
  const input = new ByteReader(bytes)
  const lengths = new Uint32Array(rows)
  let sum = 0
  for (let row = 0; row < rows; row++) {
    const length = input.varint()
    if (length > 0xffffffff) throw corrupt(prefix, `a document of ${length} words`)
    lengths[row] = length
    sum += length
  }
  input.finish()
  if (sum !== totalLength) throw corrupt(prefix, `${sum} words where ${totalLength} are said`)
  return lengths
}

function decodeDirectory(input: ByteReader, terms: number, sections: SectionReader, prefix: string): Directory {
  const blocks = Math.ceil(terms / StoredSource.BLOCK_TERMS)
  // Each block takes 4 bytes at least.
  if (blocks * 4 > input.remaining) throw corrupt(prefix, `${terms} terms`)
  const first: string[] = []
  const at = {
    terms: new Float64Array(blocks + 1),
    postings: new Float64Array(blocks + 1),
    places: new Float64Array(blocks + 1),
  }
  for (let block = 0; block < blocks; block++) {
    const term = input.utf8(input.varint())
    if (block > 0 && !(term > (first[block - 1] as string))) throw corrupt(prefix, 'terms that do not ascend')
    first.push(term)
    for (const name of ['terms', 'postings', 'places'] as const) at[name][block + 1] = at[name][block] + input.varint()
  }
  input.finish()
  for (const name of ['terms', 'postings', 'places'] as const) {
    const bytes = sections.size(prefix + name)
    if (at[name][blocks] !== bytes)
      throw corrupt(prefix, `${bytes} bytes of ${name} where ${at[name][blocks]} are said`)
  }
  return { first, at }
}

function corrupt(prefix: string, what: string): PithError {
  return new PithError('PITH_CORRUPT', `the lexical index is damaged: ${what}`, {
    hint: 'Build the index again, or restore it from a copy.',
    at: { section: `${prefix}head` },
  })
}
