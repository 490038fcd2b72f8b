import { ByteReader, ByteWriter, type Run, throwIfAborted } from '@pith/core'
import { decodeBlock, encodeBlock } from '@pith/core/general'
import type { SectionReader, SectionWriter } from '../sections.ts'
import type { IndexDocument } from '../types.ts'
import { damaged, readDocument, writeDocument } from './document.ts'

/** Bytes of documents that are compressed together: few enough that a page of results reads little. */
const BLOCK_BYTES = 8192
/** What the largest block may decode to. A single document may be longer than a block. */
const MAX_RAW_BYTES = 2 ** 28
const QUALITY = 5
/** Blocks of the file, where it is small: what is fetched for a document is then little more than its block. */
const SMALL_FILE_BLOCK = 4096
const SMALL_FILE_BYTES = 2 ** 24
/** Decoded blocks that are kept. */
const KEPT_BLOCKS = 32

/** Documents of a segment, without their ids. */
export interface Documents {
  /** Documents of rows, in the order in which they are asked for; ids are what the caller knows. */
  at(rows: ArrayLike<number>, ids: readonly string[], run?: Run): Promise<IndexDocument[]>
  /** All documents in the order of their rows. */
  scan(ids: readonly string[], run?: Run): AsyncGenerator<IndexDocument, void, undefined>
}

interface Block {
  readonly firstRow: number
  readonly rows: number
  readonly from: number
  readonly storedBytes: number
  readonly rawBytes: number
}

/** Takes documents in the order of their rows and compresses them block by block. */
export class DocumentsWriter {
  readonly #raw: ByteWriter = new ByteWriter(2 * BLOCK_BYTES)
  readonly #one: ByteWriter = new ByteWriter(BLOCK_BYTES)
  readonly #blocks: Uint8Array[] = []
  readonly #index: ByteWriter = new ByteWriter()
  #rows = 0
  #bytes = 0

  async add(document: IndexDocument, run?: Run): Promise<void> {
    this.#one.reset()
    writeDocument(this.#one, document)
    this.#raw.varint(this.#one.length)
    this.#raw.bytes(this.#one.view())
    this.#rows++
    if (this.#raw.length >= BLOCK_BYTES) await this.#pack(run)
  }

  async #pack(run?: Run): Promise<void> {
    if (this.#rows === 0) return
    const coded = await encodeBlock(this.#raw.view(), { quality: QUALITY, text: true, signal: run?.signal })
    this.#index.varint(this.#rows)
    this.#index.varint(coded.length)
    this.#index.varint(this.#raw.length)
    this.#blocks.push(coded)
    this.#bytes += coded.length
    this.#raw.reset()
    this.#rows = 0
  }

  /** Write `PREFIX/text` and `PREFIX/blocks`. */
  async finish(sections: SectionWriter, prefix: string, run?: Run): Promise<void> {
    await this.#pack(run)
    const options = this.#bytes <= SMALL_FILE_BYTES ? { blockBytes: SMALL_FILE_BLOCK } : {}
    await sections.write(`${prefix}/text`, this.#blocks, options)
    await sections.write(`${prefix}/blocks`, this.#index.view())
  }
}

/** Open what {@link DocumentsWriter} wrote; the list of blocks is read with the first document. */
export function openDocuments(sections: SectionReader, prefix: string, rows: number): Documents {
  const name = `${prefix}/text`
  let blocks: Promise<Block[]> | undefined
  const kept = new Map<number, Promise<Uint8Array[]>>()

  const list = (run?: Run): Promise<Block[]> => {
    if (blocks === undefined) {
      blocks = sections.read(`${prefix}/blocks`, 0, undefined, run).then((bytes) => decodeBlocks(bytes, rows))
      blocks.catch(() => {
        blocks = undefined
      })
    }
    return blocks
  }
  const load = async (block: Block, run?: Run): Promise<Uint8Array[]> => {
    const coded = await sections.read(name, block.from, block.from + block.storedBytes, run)
    const input = new ByteReader(await decodeBlock(coded, block.rawBytes))
    const records = Array.from({ length: block.rows }, () => input.take(input.varint()))
    input.finish()
    return records
  }
  const held = (number: number, block: Block, run?: Run): Promise<Uint8Array[]> => {
    let records = kept.get(number)
    if (records === undefined) {
      records = load(block, run)
      kept.set(number, records)
      records.catch(() => kept.delete(number))
      const [oldest] = kept.keys()
      if (kept.size > KEPT_BLOCKS) kept.delete(oldest)
    }
    return records
  }
  return {
    async at(wanted, ids, run) {
      const all = await list(run)
      return Promise.all(
        Array.from(wanted, async (row, i) => {
          const number = blockOf(all, row)
          const block = all[number]
          const records = await held(number, block, run)
          return decodeOne(records[row - block.firstRow], ids[i])
        }),
      )
    },
    async *scan(ids, run) {
      for (const block of await list(run)) {
        throwIfAborted(run?.signal)
        const records = await load(block, run)
        for (const [i, record] of records.entries()) yield decodeOne(record, ids[block.firstRow + i])
      }
    },
  }
}

function decodeOne(record: Uint8Array, id: string): IndexDocument {
  const input = new ByteReader(record)
  const document = readDocument(input, id)
  input.finish()
  return document
}

function decodeBlocks(bytes: Uint8Array, rows: number): Block[] {
  const input = new ByteReader(bytes)
  const blocks: Block[] = []
  let [firstRow, from] = [0, 0]
  while (input.remaining > 0) {
    const block = { firstRow, rows: input.varint(), from, storedBytes: input.varint(), rawBytes: input.varint() }
    // A document has at least two bytes, so the count is no promise of more than what comes.
    if (!(block.rows >= 1 && block.rawBytes >= 2 * block.rows && block.rawBytes <= MAX_RAW_BYTES)) {
      throw damaged(`a block has ${block.rows} documents of ${block.rawBytes} bytes`, input.offset)
    }
    blocks.push(block)
    firstRow += block.rows
    from += block.storedBytes
  }
  if (firstRow !== rows) throw damaged(`the blocks hold ${firstRow} documents, ${rows} are expected`)
  return blocks
}

function blockOf(blocks: readonly Block[], row: number): number {
  let [least, most] = [0, blocks.length]
  while (most - least > 1) {
    const middle = (least + most) >> 1
    if (blocks[middle].firstRow <= row) least = middle
    else most = middle
  }
  return least
}
