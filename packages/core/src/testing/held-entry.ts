import type { BlockOptions, BlockRow, Codec, EntryReader, EntryWriter } from '../codec.ts'
import { PithError } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import type { Limits } from '../run.ts'

/** One block of a {@link HeldEntry}. */
interface HeldBlock {
  row: BlockRow
  payload: Uint8Array
}

/**
 * An entry in arrays, without a container around it: a test sees and changes what a codec wrote, and no checksum stands
 * between a change and the codec.
 */
export class HeldEntry implements EntryWriter {
  readonly codec: string
  readonly codecVersion: number
  readonly blocks: HeldBlock[] = []
  readonly profiles: Uint8Array[] = []
  summaryBytes: Uint8Array | undefined
  /** Reads of blocks by all readers so far, as `section/block`. */
  readonly reads: string[] = []
  /** Called before a block is taken. */
  onBlock: ((rawBytes: number) => void) | undefined

  constructor(codec: Pick<Codec, 'id' | 'version'>) {
    this.codec = codec.id
    this.codecVersion = codec.version
  }

  async profile(payload: Uint8Array): Promise<number> {
    this.profiles.push(payload.slice())
    return this.profiles.length
  }

  async block(section: string, payload: Uint8Array, options: BlockOptions): Promise<void> {
    const variant = options.variant ?? 0
    const row: BlockRow = {
      section,
      block: this.blocks.filter((block) => block.row.section === section && block.row.variant === variant).length,
      variant,
      storedBytes: payload.length,
      rawBytes: options.rawBytes,
      ...(options.keys === undefined ? {} : { keys: options.keys }),
      profile: options.profile ?? this.profiles.length,
    }
    this.onBlock?.(options.rawBytes)
    this.blocks.push({ row, payload: payload.slice() })
  }

  async summary(payload: Uint8Array): Promise<void> {
    this.summaryBytes = payload.slice()
  }

  async commit(): Promise<void> {}

  /** Stored bytes: blocks, profiles, summary. */
  get storedBytes(): number {
    let sum = this.summaryBytes?.length ?? 0
    for (const { payload } of this.blocks) sum += payload.length
    for (const payload of this.profiles) sum += payload.length
    return sum
  }

  /** All that a change can be made to: payloads of blocks, profiles and the summary, as the very arrays. */
  get parts(): Uint8Array[] {
    const summary = this.summaryBytes === undefined ? [] : [this.summaryBytes]
    return [...this.blocks.map(({ payload }) => payload), ...this.profiles, ...summary]
  }

  /** The same entry with other parts, in the order of {@link parts}. */
  withParts(parts: readonly Uint8Array[]): HeldEntry {
    const copy = new HeldEntry({ id: this.codec, version: this.codecVersion })
    const next = parts[Symbol.iterator]()
    const take = (): Uint8Array => next.next().value ?? new Uint8Array(0)
    for (const { row } of this.blocks) {
      const payload = take()
      copy.blocks.push({ row: { ...row, storedBytes: payload.length }, payload })
    }
    for (let i = 0; i < this.profiles.length; i++) copy.profiles.push(take())
    if (this.summaryBytes !== undefined) copy.summaryBytes = take()
    return copy
  }

  reader(limits: Limits = LIMITS.default): EntryReader {
    const rowsOf = (section: string): HeldBlock[] => this.blocks.filter(({ row }) => row.section === section)
    return {
      id: 1,
      codec: this.codec,
      codecVersion: this.codecVersion,
      rawBytes: this.blocks.reduce((sum, { row }) => sum + (row.variant === 0 ? row.rawBytes : 0), 0),
      limits,
      remote: false,
      blocks: async (section) => rowsOf(section).map(({ row }) => row),
      sections: async () => [...new Set(this.blocks.map(({ row }) => row.section))],
      read: async (row, run) => {
        run?.signal?.throwIfAborted()
        this.reads.push(`${row.section}/${row.block}/${row.variant}`)
        const found = this.blocks.find(
          (block) =>
            block.row.section === row.section && block.row.block === row.block && block.row.variant === row.variant,
        )
        if (found === undefined) throw new PithError('PITH_ARG', `the entry has no block ${row.section}/${row.block}`)
        return found.payload.slice()
      },
      profile: async (version = this.profiles.length) => this.profiles[version - 1]?.slice(),
      summary: async () => this.summaryBytes?.slice(),
    }
  }
}
