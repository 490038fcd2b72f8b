import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EntryModel } from '../../test/container/model.ts'
import { bytesOf, entryModel, normalised, writeModel } from '../../test/container/model.ts'
import { MemorySink } from '../sink.ts'
import { bytesAccess } from '../source.ts'
import { createContainer } from './create.ts'
import { openContainer } from './reader.ts'
import { readContainerStream } from './stream.ts'
import { verify } from './verify.ts'

async function make(entries: readonly EntryModel[], solo: boolean): Promise<Uint8Array> {
  const sink = new MemorySink()
  await writeModel(createContainer(sink, { solo }), entries)
  return sink.bytes()
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size)
}

describe('a pipe', () => {
  test('brings what random access gives, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(entryModel(), { maxLength: 3 }),
        fc.boolean(),
        fc.nat(50),
        async (models, solo, size) => {
          const bytes = await make(models, solo)
          const seen: EntryModel[] = []
          for await (const entry of readContainerStream(pieces(bytes, size + 1))) {
            const profiles: Uint8Array[] = []
            const blocks: EntryModel['blocks'][number][] = []
            for await (const item of entry.items()) {
              if (item.type === 'profile') profiles.push(item.payload)
              if (item.type !== 'block') continue
              const { section, rawBytes, keys, variant, profile } = item.row
              blocks.push({ section, payload: item.payload, rawBytes, ...(keys && { keys }), variant, profile })
            }
            if (!entry.continued) seen.push({ codec: entry.codec, version: entry.codecVersion, profiles, blocks })
          }
          const wanted = models.map(normalised).map(({ codec, version, profiles }) => ({ codec, version, profiles }))
          expect(seen.map(({ codec, version, profiles }) => ({ codec, version, profiles }))).toEqual(wanted)
          const written = models.map((model) => normalised(model).blocks)
          expect(seen.map((entry) => normalised(entry).blocks)).toEqual(written)
        },
      ),
      { numRuns: 100 },
    )
  })

  test('skips to the next entry where the items of one are not taken', async () => {
    const bytes = await make(
      [1, 2, 3].map((i) => ({ path: `${i}`, blocks: [{ section: 'd', payload: bytesOf(9), rawBytes: 9 }] })),
      false,
    )
    const paths: string[] = []
    for await (const entry of readContainerStream(bytes)) paths.push(entry.path ?? '')
    expect(paths).toEqual(['1', '2', '3'])
  })

  test('that ends early fails at its end, after all whole blocks came', async () => {
    const bytes = await make([{ blocks: [{ section: 'd', payload: bytesOf(9), rawBytes: 9 }] }], false)
    const entries = readContainerStream(bytes.subarray(0, bytes.length - 1))
    const first = await entries.next()
    expect(first.done).toBe(false)
    const run = async (): Promise<number> => {
      let blocks = 0
      if (first.done !== true) for await (const item of first.value.items()) blocks += Number(item.type === 'block')
      return blocks
    }
    await expect(run()).rejects.toMatchObject({ code: 'PITH_TRUNCATED' })
  })

  test('refuses a block above the limit of memory before it comes', async () => {
    const bytes = await make([{ blocks: [{ section: 'd', payload: bytesOf(90000), rawBytes: 9 }] }], false)
    let taken = 0
    const slow = async function* (): AsyncGenerator<Uint8Array> {
      for await (const piece of pieces(bytes, 100)) {
        taken += piece.length
        yield piece
      }
    }
    const entries = readContainerStream(slow(), { limits: { memoryBytes: 5000 } })
    await entries.next()
    await expect(entries.next()).rejects.toMatchObject({ code: 'PITH_LIMIT' })
    expect(taken).toBeLessThan(5000)
  })

  test('lets go of its source when it is left or cancelled', async () => {
    const bytes = await make([{ blocks: [{ section: 'd', payload: bytesOf(90000), rawBytes: 9 }] }], false)
    let closed = 0
    const source = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield* pieces(bytes, 100)
      } finally {
        closed++
      }
    }
    for await (const _entry of readContainerStream(source())) break
    expect(closed).toBe(1)
    const abort = new AbortController()
    abort.abort('enough')
    await expect(readContainerStream(source(), { signal: abort.signal }).next()).rejects.toBe('enough')
  })
})

describe('random access', () => {
  test('joins reads of neighbours into one request, and stops with the signal', async () => {
    const blocks = Array.from({ length: 40 }, (_, i) => ({ section: 'd', payload: bytesOf(5000, i + 1), rawBytes: 1 }))
    const container = await openContainer(await make([{ blocks }], false))
    const entry = await container.entry(1)
    const rows = (await entry?.blocks('d')) ?? []
    const before = container.stats
    const payloads = await Promise.all(rows.slice(3, 23).map((row) => entry?.read(row)))
    expect(payloads).toEqual(blocks.slice(3, 23).map((block) => block.payload))
    expect(container.stats.requests - before.requests).toBe(1)
    expect(container.stats.bytes - before.bytes).toBeLessThan(20 * 5040)
    await expect(entry?.read(rows[1], { signal: AbortSignal.abort('stop') })).rejects.toBe('stop')
    // A row that was copied, as through a message, still finds its block.
    expect(await entry?.read(structuredClone(rows[0]))).toEqual(blocks[0].payload)
  })

  test('a block above the limit of memory, and more blocks than allowed, are refused', async () => {
    const bytes = await make([{ blocks: [{ section: 'd', payload: bytesOf(90000), rawBytes: 9 }] }], false)
    const container = await openContainer(bytes, { limits: { memoryBytes: 80000 } })
    const entry = await container.entry(1)
    const rows = (await entry?.blocks('d')) ?? []
    await expect(entry?.read(rows[0])).rejects.toMatchObject({ code: 'PITH_LIMIT' })
    await expect(openContainer(bytes, { limits: { sections: 0 } })).rejects.toMatchObject({ code: 'PITH_LIMIT' })
  })

  test('a source that fails is not taken for damage', async () => {
    const bytes = await make([{ blocks: [{ section: 'd', payload: bytesOf(90000), rawBytes: 9 }] }], false)
    const broken = { ...bytesAccess(bytes), read: () => Promise.reject(new Error('the cable is out')) }
    await expect(verify(broken)).rejects.toThrow('the cable is out')
    await expect(openContainer(broken)).rejects.toThrow('the cable is out')
  })
})
