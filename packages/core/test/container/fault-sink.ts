import type { FileSink } from '../../src/io.ts'
import { MemorySink } from '../../src/sink.ts'

type Operation =
  | { kind: 'write'; offset: number; bytes: Uint8Array }
  | { kind: 'truncate'; size: number }
  | { kind: 'flush' }

/** A file in memory that remembers every operation, so that a crash after any of them can be played. */
export class RecordedFile implements FileSink {
  readonly operations: Operation[] = []
  /** Number of operations before each point that the test marked, for example each finished commit. */
  readonly marks: number[] = []
  readonly #memory: MemorySink = new MemorySink()

  /** Fail in the operation of this number, once. */
  failAt = -1

  get size(): number {
    return this.#memory.size
  }

  #record(operation: Operation): void {
    if (this.operations.length === this.failAt) {
      this.failAt = -1
      throw new Error('the disk is full')
    }
    this.operations.push(operation)
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.writeAt(this.size, bytes)
  }

  async writeAt(offset: number, bytes: Uint8Array): Promise<void> {
    this.#record({ kind: 'write', offset, bytes: bytes.slice() })
    await this.#memory.writeAt(offset, bytes)
  }

  readAt(offset: number, length: number): Promise<Uint8Array> {
    return this.#memory.readAt(offset, length)
  }

  async truncate(size: number): Promise<void> {
    this.#record({ kind: 'truncate', size })
    await this.#memory.truncate(size)
  }

  async flush(): Promise<void> {
    this.#record({ kind: 'flush' })
  }

  async close(): Promise<void> {}

  async abort(): Promise<void> {
    await this.#memory.truncate(0)
  }

  mark(): void {
    this.marks.push(this.operations.length)
  }

  bytes(): Uint8Array {
    return this.#memory.bytes()
  }

  /** The file when the process is killed after `count` operations and `part` (0..1) of the next write. */
  killedAfter(count: number, part = 0): Uint8Array {
    const operations = this.operations.slice(0, count)
    const next = this.operations[count]
    if (next?.kind === 'write' && part > 0) {
      operations.push({ ...next, bytes: next.bytes.subarray(0, Math.floor(next.bytes.length * part)) })
    }
    return play(operations)
  }

  /** The file when the power goes after `count` operations: of those since the last flush, only some arrived. */
  powerCutAfter(count: number, arrives: (index: number) => boolean): Uint8Array {
    let flushed = 0
    for (let i = 0; i < count; i++) if (this.operations[i].kind === 'flush') flushed = i
    return play(this.operations.slice(0, count).filter((_, i) => i <= flushed || arrives(i)))
  }
}

function play(operations: readonly Operation[]): Uint8Array {
  let bytes = new Uint8Array(0)
  for (const operation of operations) {
    if (operation.kind === 'truncate') bytes = resized(bytes, operation.size)
    if (operation.kind !== 'write') continue
    const end = operation.offset + operation.bytes.length
    if (end > bytes.length) bytes = resized(bytes, end)
    bytes.set(operation.bytes, operation.offset)
  }
  return bytes
}

function resized(bytes: Uint8Array, size: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(size)
  copy.set(bytes.subarray(0, size))
  return copy
}

/** A file in memory with given bytes. */
export async function fileOf(bytes: Uint8Array): Promise<RecordedFile> {
  const file = new RecordedFile()
  await file.write(bytes)
  return file
}
