import { describe, expect, test } from 'vitest'
import { RecordedFile } from '../../test/container/fault-sink.ts'
import { bytesOf } from '../../test/container/model.ts'
import { concatBytes } from '../bytes.ts'
import { MemorySink } from '../sink.ts'
import { bytesAccess, countAccess } from '../source.ts'
import { createContainer } from './create.ts'
import { openForAppend } from './file-writer.ts'
import { openContainer } from './reader.ts'
import { repack } from './repack.ts'
import { readContainerStream } from './stream.ts'
import { verify } from './verify.ts'

describe('100,000 blocks', () => {
  test('start with one read of 64 KiB, a section costs a few more, and a block one', async () => {
    const sink = new MemorySink()
    const writer = createContainer(sink)
    const entry = await writer.entry({ codec: 'seismic' })
    for (let i = 0; i < 100_000; i++) {
      await entry.block(i % 10 === 0 ? 'forward' : 'postings', Uint8Array.of(i, i >> 8, i >> 16), { rawBytes: 12 })
    }
    await entry.finish()
    await writer.finish()
    const access = countAccess(bytesAccess(sink.bytes()))
    const container = await openContainer(access)
    const opened = await container.entry(1)
    expect(container.totals.blocks).toBe(100_000)
    expect([access.requests, access.bytes]).toEqual([1, 65536])
    const rows = await opened?.blocks('forward')
    expect(rows).toHaveLength(10_000)
    expect(access.requests).toBeLessThanOrEqual(8)
    expect(access.bytes).toBeLessThan(65536 + 0.2 * sink.size)
    const before = access.requests
    expect(
      await opened?.read(
        rows?.[7777] ?? { section: '', block: 0, variant: 0, storedBytes: 0, rawBytes: 0, profile: 0 },
      ),
    ).toEqual(Uint8Array.of(77770 & 255, (77770 >> 8) & 255, 77770 >> 16))
    expect(access.requests - before).toBe(1)
    expect(container.stats).toEqual({ requests: access.requests, bytes: access.bytes })
  })
})

describe('a pipe of many small blocks', () => {
  test('is indexed with bounded memory, also where the pages of the index grow', async () => {
    let size = 0
    const parts: Uint8Array[] = []
    const pipe = {
      write: async (bytes: Uint8Array) => {
        parts.push(bytes.slice())
        size += bytes.length
      },
      close: async () => {},
      abort: async () => {},
    }
    const writer = createContainer(pipe)
    const entry = await writer.entry()
    for (let i = 0; i < 140_000; i++) await entry.block('d', Uint8Array.of(i), { rawBytes: 1 })
    await entry.finish()
    await writer.finish()
    const access = countAccess(bytesAccess(concatBytes(parts)))
    const rows = await (await (await openContainer(access)).entry(1))?.blocks('d')
    expect(rows?.length).toBe(140_000)
    expect(size / 140_000).toBeLessThan(60)
  })
})

describe('a key-value cache', () => {
  test('is appended to 1,000 times and read by range of tokens', async () => {
    const file = new RecordedFile()
    await createContainer(file, { solo: false }).finish()
    for (let session = 0; session < 20; session++) {
      const writer = await openForAppend(file)
      const entry = session === 0 ? await writer.entry({ path: 'kv', codec: 'kv' }) : await writer.continueEntry('kv')
      for (let i = session * 50; i < session * 50 + 50; i++) {
        for (const section of ['keys', 'values']) {
          await entry.block(section, bytesOf(2000, i + 1), { rawBytes: 4000, keys: [i * 16, i * 16 + 16] })
        }
        await entry.commit()
      }
      await entry.finish()
      await writer.finish()
      file.operations.length = 0
    }
    const access = countAccess(bytesAccess(file.bytes()))
    const container = await openContainer(access)
    expect(container.commit).toBe(1001)
    const entry = await container.entry('kv')
    const rows = (await entry?.blocks('values')) ?? []
    expect(rows).toHaveLength(1000)
    const wanted = rows.filter(({ keys }) => keys !== undefined && keys[1] > 5000 && keys[0] < 5100)
    const before = access.requests
    const payloads = await Promise.all(wanted.map((row) => entry?.read(row)))
    expect(payloads).toEqual([312, 313, 314, 315, 316, 317, 318].map((i) => bytesOf(2000, i + 1)))
    expect(access.requests - before).toBe(1)
    expect(access.requests).toBeLessThanOrEqual(16)
    expect(file.size).toBeLessThan(1000 * (4000 + 500))
    const packed = new MemorySink()
    await repack(file.bytes(), packed)
    expect(packed.size).toBeLessThan(1000 * (4000 + 110))
    expect((await verify(packed.bytes())).ok).toBe(true)
  })
})

describe('a model stack', () => {
  test('a prefix of the file is a smaller model: each commit ends one level', async () => {
    const file = new RecordedFile()
    const writer = createContainer(file)
    const entry = await writer.entry({ codec: 'bitstack', meta: new TextEncoder().encode('{"layers":4}') })
    const ends: number[] = []
    for (let level = 0; level < 4; level++) {
      for (let tensor = 0; tensor < 5; tensor++) {
        await entry.block(`stack/${level}`, bytesOf(300, tensor), { rawBytes: 1200, align: true })
      }
      await entry.commit()
      ends.push(file.size)
    }
    await entry.finish()
    await writer.finish()
    for (const [i, end] of ends.entries()) {
      const entryThere = await (await openContainer(file.bytes().subarray(0, end))).entry(1)
      expect(await entryThere?.sections()).toEqual(['stack/0', 'stack/1', 'stack/2', 'stack/3'].slice(0, i + 1))
    }
    // From a pipe, the levels come in order, and reading can stop at any of them.
    const seen: string[] = []
    for await (const streamed of readContainerStream(file.bytes())) {
      for await (const item of streamed.items()) {
        if (item.type !== 'block') continue
        seen.push(item.row.section)
        if (seen.length === 10) break
      }
      break
    }
    expect(new Set(seen)).toEqual(new Set(['stack/0', 'stack/1']))
  })

  test('several codings of a block stand side by side', async () => {
    const sink = new MemorySink()
    const writer = createContainer(sink, { solo: false })
    const entry = await writer.entry({ codec: 'cachegen' })
    for (let block = 0; block < 3; block++) {
      for (let variant = 0; variant < 3; variant++) {
        await entry.block('kv', bytesOf(50 * (3 - variant), block), { rawBytes: 600, variant })
      }
    }
    await entry.finish()
    await writer.finish()
    const read = await (await openContainer(sink.bytes())).entry(1)
    const rows = (await read?.blocks('kv')) ?? []
    expect(rows.map(({ block, variant }) => `${block}.${variant}`).join(' ')).toBe(
      '0.0 0.1 0.2 1.0 1.1 1.2 2.0 2.1 2.2',
    )
    expect(read?.rawBytes).toBe(1800)
    expect((await read?.read(rows[5]))?.length).toBe(50)
  })
})

describe('an archive', () => {
  test('of 5,000 entries finds one by path or number, and lists all in order', async () => {
    const sink = new MemorySink()
    const writer = createContainer(sink)
    for (let i = 0; i < 5000; i++) {
      const path = `docs/${String(i).padStart(5, '0')}.txt`
      const entry = await writer.entry({ path, codec: 'general', mode: 0o600, mtime: i })
      await entry.block('d', Uint8Array.of(i, i >> 8), { rawBytes: 2 })
      await entry.finish()
    }
    await (await writer.entry({ kind: 'folder', path: 'empty' })).finish()
    await (await writer.entry({ kind: 'link', path: 'docs/latest', link: '04999.txt' })).finish()
    await writer.finish()
    const access = countAccess(bytesAccess(sink.bytes()))
    const container = await openContainer(access)
    expect([access.requests, access.bytes]).toEqual([1, 65536])
    const byPath = await container.entry('docs/03210.txt')
    expect([byPath?.id, byPath?.mode, byPath?.mtime]).toEqual([3211, 0o600, 3210])
    expect(access.requests).toBeLessThanOrEqual(2)
    expect((await container.entry(17))?.path).toBe('docs/00016.txt')
    expect(await container.entry('docs/none.txt')).toBeUndefined()
    expect((await container.entry('docs/latest'))?.link).toBe('04999.txt')
    let id = 0
    for await (const entry of container.entries()) expect(entry.id).toBe(++id)
    expect(id).toBe(5002)
    expect((await verify(sink.bytes())).ok).toBe(true)
  })

  test('an entry that is appended to shows its new state once', async () => {
    const file = new RecordedFile()
    const writer = createContainer(file)
    for (let i = 0; i < 600; i++) {
      const entry = await writer.entry({ path: `e${i}` })
      await entry.block('d', bytesOf(200, i), { rawBytes: 200 })
      await entry.finish()
    }
    await writer.finish()
    for (const path of ['e3', 'e500', 'e3']) {
      const again = await openForAppend(file)
      const entry = await again.continueEntry(path)
      await entry.block('d', bytesOf(40000), { rawBytes: 40000 })
      await entry.finish()
      await again.finish()
    }
    const container = await openContainer(file.bytes())
    const sizes: number[] = []
    for await (const entry of container.entries()) if (entry.rawBytes !== 200) sizes.push(entry.id, entry.rawBytes)
    expect(sizes).toEqual([4, 80200, 501, 40200])
    expect(container.totals).toMatchObject({ entries: 600, blocks: 603, rawBytes: 240000 })
    const streamed: string[] = []
    for await (const entry of readContainerStream(file.bytes())) if (entry.continued) streamed.push(entry.path ?? '')
    expect(streamed).toEqual(['e3', 'e500', 'e3'])
  })
})
