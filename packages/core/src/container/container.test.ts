import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EntryModel } from '../../test/container/model.ts'
import { bytesOf, entryModel, normalised, readBack, writeModel } from '../../test/container/model.ts'
import { isPithError } from '../errors.ts'
import { MemorySink } from '../sink.ts'
import { createContainer } from './create.ts'
import { openContainer } from './reader.ts'
import type { ContainerOptions } from './writer.ts'

async function makeFile(entries: readonly EntryModel[], options?: ContainerOptions): Promise<Uint8Array> {
  const sink = keepBytes()
  await writeModel(createContainer(sink, options), entries)
  return sink.bytes()
}

/** A sink that is no file: only written front to back. */
function keepBytes(): { bytes(): Uint8Array } & Parameters<typeof createContainer>[0] {
  const memory = new MemorySink()
  return {
    write: (bytes) => memory.write(bytes),
    close: () => memory.close(),
    abort: (reason) => memory.abort(reason),
    bytes: () => memory.bytes(),
  }
}

describe('round trip', () => {
  test('gives back every entry, block, profile and summary, in the solo and in the chunked form', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(entryModel(), { maxLength: 4 }), fc.boolean(), async (models, solo) => {
        const entries = models.map((model, i) => ({ ...model, path: `e${i}` }))
        const file = await makeFile(entries, { solo })
        expect(await readBack(await openContainer(file))).toEqual(entries.map(normalised))
      }),
      { numRuns: 100 },
    )
  })

  test('an entry above 63 KiB or with an aligned block takes the chunked form', async () => {
    const big = await makeFile([{ blocks: [{ section: 'd', payload: bytesOf(64513), rawBytes: 64513 }] }])
    const container = await openContainer(big)
    expect(container.form).toBe('chunks')
    expect(big.length).toBeLessThan(64513 + 300)
    const aligned = await makeFile([{ blocks: [{ section: 'd', payload: bytesOf(10), rawBytes: 1, align: true }] }])
    expect((await openContainer(aligned)).form).toBe('chunks')
    const at = aligned.findIndex((_, i) => bytesOf(10).every((byte, k) => aligned[i + k] === byte))
    expect(at % 64).toBe(0)
  })
})

describe('size of small files', () => {
  test.each([0, 1, 100, 1000, 64512, 64513, 200000])(
    'a stored file of %d bytes grows by at most a hundredth and 96 bytes',
    async (n) => {
      const file = await makeFile([{ blocks: n === 0 ? [] : [{ section: 'd', payload: bytesOf(n), rawBytes: n }] }])
      expect(file.length).toBeLessThanOrEqual(n * 1.01 + 96)
    },
  )

  test('one entry with six small blocks and a profile costs at most 48 bytes', async () => {
    const blocks = ['a', 'b', 'c', 'd', 'e', 'f'].map((section, i) => ({
      section,
      payload: bytesOf(300 + i),
      rawBytes: i === 0 ? 170000 : 0,
      profile: 1,
      ...(i === 0 ? { keys: [0, 2000] as const } : {}),
    }))
    const file = await makeFile([{ codec: 'logzip', profiles: [bytesOf(500)], blocks }])
    const payload = blocks.reduce((sum, block) => sum + block.payload.length, 500)
    expect(file.length - payload).toBeLessThanOrEqual(48)
  })
})

describe('damage', () => {
  test('every cut of a solo file is refused as cut or damaged', async () => {
    const file = await makeFile([{ blocks: [{ section: 'd', payload: bytesOf(60), rawBytes: 60 }] }])
    for (let length = 0; length < file.length; length++) {
      const error = await openContainer(file.subarray(0, length)).catch((reason: unknown) => reason)
      expect(isPithError(error)).toBe(true)
    }
  })
})
