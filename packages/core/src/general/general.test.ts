import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { BlockOptions, BlockRow, EntryReader, EntryWriter } from '../codec.ts'
import { isPithError } from '../errors.ts'
import type { Source } from '../io.ts'
import type { Run } from '../run.ts'
import { type GeneralOptions, generalCodec } from './general.ts'

/** An entry held in arrays: what a codec wrote, and a reader over it. */
class HeldEntry implements EntryWriter {
  readonly payloads: Uint8Array[] = []
  readonly rows: BlockRow[] = []
  async profile(): Promise<number> {
    return 1
  }
  async block(section: string, payload: Uint8Array, options: BlockOptions): Promise<void> {
    const row = { section, block: this.rows.length, variant: 0, storedBytes: payload.length, profile: 0 }
    this.rows.push({ ...row, rawBytes: options.rawBytes })
    this.payloads.push(payload.slice())
  }
  async summary(): Promise<void> {}
  async commit(): Promise<void> {}

  reader(): EntryReader {
    const limits = { outputBytes: 1e9, memoryBytes: 1e9, sections: 100, depth: 4 }
    return {
      id: 0,
      codec: 'general',
      codecVersion: 1,
      rawBytes: this.rows.reduce((sum, row) => sum + row.rawBytes, 0),
      limits,
      remote: false,
      blocks: async () => this.rows,
      sections: async () => ['data'],
      read: async (row) => this.payloads[row.block]!,
      profile: async () => undefined,
      summary: async () => undefined,
    }
  }
}

function sourceOf(bytes: Uint8Array, pieces = 1): Source {
  return {
    size: bytes.length,
    head: async (length) => bytes.slice(0, length),
    async *stream() {
      const step = Math.max(1, Math.ceil(bytes.length / pieces))
      for (let at = 0; at < bytes.length; at += step) yield bytes.subarray(at, at + step)
    },
  }
}

async function encoded(bytes: Uint8Array, options: GeneralOptions & Run = {}, pieces = 1): Promise<HeldEntry> {
  const entry = new HeldEntry()
  await generalCodec.encode(sourceOf(bytes, pieces), entry, options)
  return entry
}

async function decoded(reader: EntryReader, run: Run = {}): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of generalCodec.decode(reader, run)) parts.push(part)
  return new Uint8Array(Buffer.concat(parts))
}

function noise(length: number): Uint8Array {
  let state = 1
  return new Uint8Array(length).map(() => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24)
}

const text = new TextEncoder().encode(Array.from({ length: 3000 }, (_, i) => `line ${i} of ${i % 7}\n`).join(''))

describe('general codec', () => {
  test('returns every input, for any level, chunk size and cut of the input', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 20_000 }),
        fc.constantFrom('fast' as const, 'default' as const, 'max' as const),
        fc.integer({ min: 4096, max: 9000 }),
        fc.integer({ min: 1, max: 9 }),
        async (bytes, level, chunkBytes, pieces) => {
          const entry = await encoded(bytes, { level, chunkBytes }, pieces)
          expect(await decoded(entry.reader())).toEqual(bytes)
        },
      ),
      { numRuns: 40 },
    )
  })

  test('the same bytes for any cut of the input and any number of threads', async () => {
    const once = await encoded(text, { chunkBytes: 8192 })
    const other = await encoded(text, { chunkBytes: 8192, threads: 3 }, 17)
    expect(other.payloads).toEqual(once.payloads)
  })

  test('noise is stored with one byte a block', async () => {
    const bytes = noise(100_000)
    const entry = await encoded(bytes, { level: 'max' })
    expect(entry.payloads.map((payload) => payload.length)).toEqual([100_001])
  })

  test('noise that repeats at a distance is still found', async () => {
    const bytes = noise(50_000)
    const twice = new Uint8Array(100_000)
    twice.set(bytes)
    twice.set(bytes, 50_000)
    const entry = await encoded(twice)
    expect(entry.payloads[0]!.length).toBeLessThan(51_000)
  })

  test('a range decodes the blocks it lies in, and no others', async () => {
    const entry = await encoded(text, { chunkBytes: 4096 })
    const reader = entry.reader()
    const asked: number[] = []
    const counting: EntryReader = {
      ...reader,
      read(row) {
        asked.push(row.block)
        return reader.read(row)
      },
    }
    const open = await generalCodec.open!(counting)
    const parts: Uint8Array[] = []
    for await (const part of open.read(5000, 9000)) parts.push(part)
    expect(new Uint8Array(Buffer.concat(parts))).toEqual(text.slice(5000, 9000))
    expect(asked).toEqual([1, 2])
    await expect(
      open
        .read(0, text.length + 1)
        [Symbol.asyncIterator]()
        .next(),
    ).rejects.toMatchObject({ code: 'PITH_ARG' })
  })

  test('broken payloads give typed errors with the place', async () => {
    const entry = await encoded(text, { chunkBytes: 16384 })
    const whole = entry.payloads[1]!
    const broken = [new Uint8Array(0), Uint8Array.of(7, 1, 2), whole.slice(0, -1), whole.slice(0, 1)]
    const codes: string[] = []
    for (const payload of broken) {
      entry.payloads[1] = payload
      const error = await decoded(entry.reader()).catch((reason: unknown) => reason)
      codes.push(isPithError(error) && error.at?.section === 'data' ? error.code : String(error))
    }
    expect(codes).toEqual(['PITH_TRUNCATED', 'PITH_CORRUPT', 'PITH_TRUNCATED', 'PITH_TRUNCATED'])
  })

  test('limits and wrong options are refused', async () => {
    const entry = await encoded(text)
    await expect(decoded(entry.reader(), { limits: { outputBytes: 10 } })).rejects.toMatchObject({ code: 'PITH_LIMIT' })
    await expect(encoded(text, { chunkBytes: 100 })).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(encoded(text, { level: 'best' as 'max' })).rejects.toMatchObject({ code: 'PITH_ARG' })
  })

  test('progress rises from 0 to the whole, an abort ends with its reason', async () => {
    const seen: number[] = []
    await encoded(text, { chunkBytes: 8192, onProgress: (progress) => seen.push(progress.done) })
    expect(seen[0]).toBe(0)
    expect(seen.at(-1)).toBe(text.length)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
    const reason = new Error('stop')
    await expect(encoded(text, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })
})
