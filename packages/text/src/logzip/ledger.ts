/** Chunks on their way into an entry, with what the summary needs. */
import type { EntryWriter } from '@pith/core'
import type { EncodedChunk } from './chunk-encode.ts'
import { type ChunkSummary, writeSummary } from './summary.ts'

/** Writes chunks to an entry, one behind the other, with what the summary needs. */
export class ChunkLedger {
  readonly #entry: EntryWriter
  readonly chunks: ChunkSummary[]
  bytesIn: number = 0
  bytesOut: number = 0
  #line: number

  constructor(entry: EntryWriter, before: readonly ChunkSummary[] = []) {
    this.#entry = entry
    this.chunks = [...before]
    this.#line = before.reduce((sum, chunk) => sum + chunk.lines - (chunk.open ? 1 : 0), 0)
  }

  async add(chunk: Omit<EncodedChunk, 'grams' | 'pairs'> & Pick<ChunkSummary, 'grams' | 'pairs'>): Promise<void> {
    const { lines, open, times, grams, pairs } = chunk
    const index = this.chunks.length
    for (const { section, payload } of chunk.blocks) {
      const options =
        section === 'chunk'
          ? { rawBytes: chunk.rawBytes, keys: [this.#line, this.#line + lines] as const }
          : { rawBytes: 0, keys: [index, index + 1] as const }
      await this.#entry.block(section, payload, options)
      this.bytesOut += payload.length
    }
    this.bytesIn += chunk.rawBytes
    // A line that goes on in the next chunk is counted there.
    this.#line += lines - (open ? 1 : 0)
    this.chunks.push({ lines, open, times, grams, pairs })
  }

  /** Write the summary; a log of one chunk that has neither times nor a filter and ends its last line needs none. */
  async finish(): Promise<void> {
    const [only] = this.chunks
    if (this.chunks.length > 1 || only?.times !== undefined || only?.open === true || only?.pairs !== undefined)
      await this.#entry.summary(writeSummary(this.chunks))
  }
}
