import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fileOf, RecordedFile } from '../../test/container/fault-sink.ts'
import type { EntryModel } from '../../test/container/model.ts'
import { bytesOf, readBack, writeModel } from '../../test/container/model.ts'
import { concatBytes, equalBytes } from '../bytes.ts'
import { crc32c } from '../crc32c.ts'
import { isPithError } from '../errors.ts'
import { MemorySink } from '../sink.ts'
import { bytesAccess, countAccess } from '../source.ts'
import { createContainer } from './create.ts'
import { openForAppend } from './file-writer.ts'
import { putHeader, putU32, TYPES } from './layout.ts'
import { openContainer } from './reader.ts'
import { encodeTail } from './records.ts'
import { repair } from './repair.ts'
import { readContainerStream } from './stream.ts'
import { verify } from './verify.ts'

const ENTRIES: EntryModel[] = [
  {
    path: 'a.log',
    codec: 'logzip',
    mode: 0o644,
    mtime: 1,
    profiles: [bytesOf(11, 5)],
    blocks: [
      { section: 'a', payload: bytesOf(20, 1), rawBytes: 50, keys: [0, 4], profile: 1 },
      { section: 'b', payload: bytesOf(10, 2), rawBytes: 0, profile: 1 },
      { section: 'a', payload: bytesOf(15, 3), rawBytes: 70, keys: [4, 9], profile: 1 },
    ],
    summary: bytesOf(8, 7),
  },
  { path: 'b', blocks: [{ section: 'd', payload: bytesOf(30, 4), rawBytes: 30 }] },
]

async function make(entries: readonly EntryModel[], solo: boolean): Promise<Uint8Array> {
  const sink = new MemorySink()
  await writeModel(createContainer(sink, { solo }), entries)
  return sink.bytes()
}

/** A file of two commits, one block each, with an index root of its own in each. */
async function makeCommits(): Promise<Uint8Array> {
  const file = new RecordedFile()
  const writer = createContainer(file)
  const entry = await writer.entry({ path: 'x' })
  for (let i = 0; i < 3; i++) {
    await entry.block('log', bytesOf(i === 1 ? 33000 : 20, i + 1), { rawBytes: 20 })
    await entry.commit()
  }
  await entry.finish()
  await writer.finish()
  return file.bytes()
}

/** Every payload that can be read, as text; errors must be typed and have a place. */
async function readable(bytes: Uint8Array): Promise<string[]> {
  const seen: string[] = []
  const note = (error: unknown): void => {
    if (!isPithError(error)) throw error
    expect(error.at?.offset ?? error.at?.section).toBeDefined()
  }
  try {
    const container = await openContainer(bytes)
    for await (const entry of container.entries()) {
      seen.push(`entry ${entry.path}`)
      for (const section of await entry.sections()) {
        for (const row of await entry.blocks(section)) {
          await entry.read(row).then((payload) => seen.push(`${section}${row.block}:${payload}`), note)
        }
      }
      await entry.profile().then((payload) => payload && seen.push(`p${payload}`), note)
      await entry.summary().then((payload) => payload && seen.push(`s${payload}`), note)
    }
  } catch (error) {
    note(error)
  }
  return seen
}

async function streamed(bytes: Uint8Array): Promise<string[]> {
  const seen: string[] = []
  try {
    for await (const entry of readContainerStream(bytes)) {
      for await (const item of entry.items()) {
        if (item.type === 'block') seen.push(`${item.row.section}${item.row.block}:${item.payload}`)
        else seen.push(`${item.type[0]}${item.payload}`)
      }
    }
  } catch (error) {
    if (!isPithError(error)) throw error
  }
  return seen
}

describe.each([
  ['solo', () => make(ENTRIES.slice(0, 1), true)],
  ['chunks', () => make(ENTRIES, false)],
  ['commits', makeCommits],
])('a damaged file: %s', (name, build) => {
  test('gives nothing wrong after any flip of a bit: right payloads, fewer of them, or a typed error with its place', async () => {
    const bytes = await build()
    const right = new Set(await readable(bytes))
    const fromStream = new Set(await streamed(bytes))
    const step = name === 'commits' ? 1601 : 1
    for (let bit = 0; bit < bytes.length * 8; bit += step) {
      const flipped = bytes.slice()
      flipped[bit >> 3] ^= 1 << (bit & 7)
      for (const item of await readable(flipped)) expect(right.has(item)).toBe(true)
      for (const item of await streamed(flipped)) expect(fromStream.has(item)).toBe(true)
      const report = await verify(flipped)
      const isIgnored = report.ok && (await readable(flipped)).length === right.size
      expect(isIgnored || report.bad.length > 0).toBe(true)
    }
  })

  test('a cut gives a typed error, or the last commit before it', async () => {
    const bytes = await build()
    const right = new Set(await readable(bytes))
    for (let length = 0; length < bytes.length; length += name === 'commits' ? 97 : 1) {
      const cut = bytes.subarray(0, length)
      for (const item of await readable(cut)) expect(right.has(item)).toBe(true)
      await expect(streamed(cut)).resolves.toBeDefined()
    }
  })
})

describe('repair', () => {
  test('saves all that is whole from a cut file, also what was never committed', async () => {
    const bytes = await make(ENTRIES, false)
    for (let length = 16; length < bytes.length; length++) {
      const sink = new MemorySink()
      await repair(bytes.subarray(0, length), sink).catch((error: unknown) => expect(isPithError(error)).toBe(true))
      if (length < 200) continue
      const entries = await readBack(await openContainer(sink.bytes()))
      const payloads = entries.flatMap((entry) => entry.blocks.map((block) => block.payload))
      const written = ENTRIES.flatMap((entry) => entry.blocks.map((block) => block.payload))
      for (const payload of payloads) expect(written.some((one) => equalBytes(one, payload))).toBe(true)
    }
    const sink = new MemorySink()
    const report = await repair(bytes.subarray(0, bytes.length - 84), sink)
    expect(report).toMatchObject({ from: 'scan', lost: [], totals: { entries: 2, blocks: 4, rawBytes: 150 } })
    expect((await verify(sink.bytes())).ok).toBe(true)
  })

  test('leaves out a damaged block, names it, and keeps the others', async () => {
    const bytes = await make(ENTRIES, false)
    const payload = bytesOf(15, 3)
    const at = bytes.findIndex((_, i) => payload.every((byte, k) => bytes[i + k] === byte))
    bytes[at] ^= 1
    const checked = await verify(bytes)
    expect(checked).toMatchObject({ ok: false, blocks: 4 })
    expect(checked.bad).toMatchObject([{ code: 'PITH_CHECKSUM', entry: 'a.log', section: 'a', block: 1 }])
    const sink = new MemorySink()
    const report = await repair(bytes, sink)
    expect(report.totals.blocks).toBe(3)
    expect(report.lost).toMatchObject([{ what: 'a block', entry: 'a.log', section: 'a', block: 1 }])
    expect((await verify(sink.bytes())).ok).toBe(true)
    let errors = 0
    let blocks = 0
    for await (const entry of readContainerStream(bytes, { onDamage: () => errors++ })) {
      for await (const item of entry.items()) if (item.type === 'block') blocks++
    }
    expect([errors, blocks]).toEqual([1, 3])
  })

  test('finds chunks again behind a damaged header', async () => {
    const bytes = await make(ENTRIES, false)
    const headers: number[] = []
    for (let i = 0; i + 4 < bytes.length; i++) if (bytes[i] === 0xf5 && bytes[i + 1] === 0x70) headers.push(i)
    for (const at of headers.slice(1, -1)) {
      const broken = bytes.slice()
      broken[at + 13] ^= 64
      const sink = new MemorySink()
      const report = await repair(broken.subarray(0, broken.length - 1), sink)
      expect((await verify(sink.bytes())).ok).toBe(true)
      expect(report.totals.blocks).toBeGreaterThanOrEqual(1)
    }
  })

  test('saves the good blocks of a damaged file in the solo form', async () => {
    const blocks = [1, 2, 3].map((seed) => ({ section: 'd', payload: bytesOf(3000, seed), rawBytes: 3000 }))
    const bytes = await make([{ blocks }], true)
    bytes[bytes.length - 1500] ^= 8
    const container = await openContainer(bytes)
    expect(container.damage?.code).toBe('PITH_CHECKSUM')
    const sink = new MemorySink()
    const report = await repair(bytes, sink)
    expect(report.lost).toMatchObject([{ what: 'a block', section: 'd', block: 2 }])
    const [entry] = await readBack(await openContainer(sink.bytes()))
    expect(entry.blocks.map((block) => block.payload)).toEqual(blocks.slice(0, 2).map((block) => block.payload))
  })

  test('saves the blocks before the cut of a file in the solo form', async () => {
    const blocks = [1, 2, 3].map((seed) => ({ section: 'd', payload: bytesOf(3000, seed), rawBytes: 3000 }))
    const bytes = await make([{ profiles: [bytesOf(9, 9)], blocks }], true)
    const directory = bytes.length - 3 * 3004 - 4
    for (const [length, whole] of [
      [directory, 0],
      [directory + 3003, 0],
      [directory + 3004, 1],
      [directory + 3 * 3004 - 1, 2],
      [bytes.length - 1, 3],
    ] as const) {
      const cut = bytes.subarray(0, length)
      expect((await openContainer(cut)).damage).toMatchObject({ code: 'PITH_TRUNCATED', at: { offset: length } })
      expect((await verify(cut)).ok).toBe(false)
      const sink = new MemorySink()
      await repair(cut, sink)
      const [entry] = await readBack(await openContainer(sink.bytes()))
      expect(entry.blocks.map((block) => block.payload)).toEqual(blocks.slice(0, whole).map((block) => block.payload))
    }
  })

  test('keeps the solo form where what stands behind it does not hold its content', async () => {
    const blocks = [{ section: 'd', payload: bytesOf(300, 1), rawBytes: 300 }]
    const bytes = await make([{ blocks }], true)
    const file = await fileOf(bytes)
    const writer = await openForAppend(file)
    const more = await writer.entry({ path: 'more' })
    await more.block('d', bytesOf(200, 2), { rawBytes: 200 })
    await more.finish()
    await writer.finish()
    const extended = file.bytes()
    for (const [behind, kept] of [
      [Uint8Array.of(1, 2, 3), [300]],
      [extended.slice(bytes.length, bytes.length + 40), [300]],
      // Without its tail the file is the solo form still, but both blocks are there.
      [extended.slice(bytes.length, -1), [300, 200]],
    ] as const) {
      const sink = new MemorySink()
      const report = await repair(concatBytes([bytes, behind]), sink)
      const entries = await readBack(await openContainer(sink.bytes()))
      const payloads = entries.flatMap((entry) => entry.blocks.map((block) => block.payload))
      expect(payloads.map((payload) => payload.length)).toEqual(kept)
      expect(payloads[0]).toEqual(blocks[0]?.payload)
      expect(report.lost.length > 0 || report.isCut).toBe(true)
    }
  })
})

describe('hostile files', () => {
  test('random bytes behind the magic are refused with a typed error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (tail, solo) => {
        const bytes = Uint8Array.of(0x89, 0x50, 0x54, 0x48, 0x0d, 0x0a, 0x1a, 0x0a, 1, solo ? 1 : 0, ...tail)
        const results = await Promise.allSettled([openContainer(bytes), repair(bytes, new MemorySink())])
        for (const result of results) {
          if (result.status === 'rejected') expect(isPithError(result.reason)).toBe(true)
        }
        await streamed(bytes)
        expect((await verify(bytes)).ok).toBe(results[0].status === 'fulfilled')
      }),
      { numRuns: 300 },
    )
  })

  test('damage that the CRC was made to fit is refused with a typed error or read as something whole', async () => {
    const bytes = await make(ENTRIES, false)
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const forged = bytes.slice()
        forged[at] ^= change
        fixCrcs(forged)
        await readable(forged)
        await streamed(forged)
        await verify(forged)
        await repair(forged, new MemorySink()).catch((error: unknown) => expect(isPithError(error)).toBe(true))
      }),
      { numRuns: 500 },
    )
  })

  test('a tail that declares more than the file can hold is refused before anything is allocated', async () => {
    const base = { commit: 1, previous: 0, rootOffset: 0, rootLength: 0, entries: 0, blocks: 0, rawBytes: 0 }
    for (const lie of [
      { blocks: 2 ** 40 },
      { blocks: 1000 },
      { entries: 1000 },
      { rootOffset: 16, rootLength: 0xffffffff },
      { rootOffset: 2 ** 50, rootLength: 100 },
    ]) {
      const bytes = withTail((await make([], false)).subarray(0, 16), { ...base, ...lie })
      const error = await openContainer(bytes).catch((reason: unknown) => reason)
      expect(isPithError(error, 'PITH_CORRUPT') || isPithError(error, 'PITH_LIMIT')).toBe(true)
    }
  })

  test('a chunk of an unknown type is refused in upper case and skipped in lower case', async () => {
    const prelude = (await make([], false)).subarray(0, 16)
    const base = { commit: 1, previous: 0, rootOffset: 0, rootLength: 0, entries: 0, blocks: 0, rawBytes: 0 }
    const letters = (name: string): number => [...name].reduceRight((type, c) => (type << 8) | c.charCodeAt(0), 0)
    const file = (name: string): Uint8Array =>
      withTail(Uint8Array.of(...prelude, ...chunkOf(letters(name), bytesOf(9))), base)
    expect((await openContainer(file('note'))).totals.entries).toBe(0)
    await expect(openContainer(file('NOTE'))).rejects.toMatchObject({ code: 'PITH_VERSION', at: { offset: 16 } })
    await expect(readContainerStream(file('NOTE')).next()).rejects.toMatchObject({ code: 'PITH_VERSION' })
    expect((await readContainerStream(file('note')).next()).done).toBe(true)
  })

  test('a scan of a file made of false chunks stays linear', async () => {
    const size = 200_000
    const bytes = new Uint8Array(size)
    for (let at = 0; at + 28 < size; at += 28) {
      putHeader(bytes, at, { type: TYPES.block, entry: 1, section: 1, length: size - at - 28 - (at % 7) })
    }
    const access = countAccess(bytesAccess(bytes))
    await expect(repair(access, new MemorySink())).rejects.toMatchObject({ code: 'PITH_CORRUPT' })
    expect(access.bytes).toBeLessThan(40 * size)
  })
})

function chunkOf(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(28 + payload.length)
  putHeader(bytes, 0, { type, entry: 0, section: 0, length: payload.length })
  bytes.set(payload, 24)
  putU32(bytes, bytes.length - 4, crc32c(bytes, 0, 0, bytes.length - 4))
  return bytes
}

function withTail(front: Uint8Array, tail: Omit<Parameters<typeof encodeTail>[0], 'self'>): Uint8Array {
  return Uint8Array.of(...front, ...chunkOf(TYPES.tail, encodeTail({ ...tail, self: front.length })))
}

/** Make the CRC of every chunk agree again. */
function fixCrcs(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  for (let at = 16; at + 28 <= bytes.length; ) {
    if (bytes[at] !== 0xf5 || bytes[at + 1] !== 0x70) return
    const end = at + 24 + view.getUint32(at + 12, true)
    if (end + 4 > bytes.length) return
    view.setUint16(at + 22, crc32c(bytes, 0, at, at + 22) & 0xffff, true)
    putU32(bytes, end, crc32c(bytes, 0, at, end))
    at = end + 4
  }
}

test('a file that was opened for append keeps what was committed when it is given up', async () => {
  const bytes = await makeCommits()
  const file = await fileOf(bytes)
  const writer = await openForAppend(file)
  const entry = await writer.continueEntry('x')
  await entry.block('log', bytesOf(100000), { rawBytes: 1 })
  await writer.abort()
  expect(file.bytes()).toEqual(bytes)
})
