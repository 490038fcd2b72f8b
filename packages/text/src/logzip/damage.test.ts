import { concatBytes, type DamagedPart, isPithError, MemorySink, type ReadRun, toSource } from '@pith/core'
import { type ContainerEntry, createContainer, openContainer, repack } from '@pith/core/container'
import { generalCodec } from '@pith/core/general'
import { beforeAll, describe, expect, test } from 'vitest'
import { sampleLog } from '../../test/log-inputs.ts'
import { compressLog, decompressLog, openLog } from './api.ts'

/** A chunk of max takes long to decode. */
const FLIPS = { fast: 60, default: 60, max: 4 }
const LEVELS = ['fast', 'default', 'max'] as const
const log = sampleLog(500, 17)
const text = new TextDecoder('latin1').decode(log)
const lines = text.slice(0, -1).split('\n')

async function all(pieces: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const piece of pieces) parts.push(piece.slice())
  return concatBytes(parts)
}

async function latin1(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  return new TextDecoder('latin1').decode(await all(pieces))
}

/** Reads on behind damages, and keeps what it was told. */
class Keeper implements ReadRun {
  readonly parts: DamagedPart[] = []
  readonly onDamage = (part: DamagedPart): void => {
    this.parts.push(part)
  }

  /** The chunks of the log without what was left out. */
  rest(chunks: readonly string[]): string {
    const lost = new Set(this.parts.map(({ part }) => part))
    return chunks.filter((_, i) => !lost.has(i)).join('')
  }
}

/** The texts of the chunks of a file. */
async function chunksOf(file: Uint8Array, section = 'chunk'): Promise<string[]> {
  const entry = (await (await openContainer(file)).entry(1)) as ContainerEntry
  let at = 0
  return (await entry.blocks(section)).map(({ rawBytes }) => text.slice(at, (at += rawBytes)))
}

/** Where the blocks of a section stand in a file. */
async function placesOf(file: Uint8Array, section: string): Promise<number[]> {
  const entry = (await (await openContainer(file)).entry(1)) as ContainerEntry
  const places: number[] = []
  for (const row of await entry.blocks(section)) {
    const payload = await entry.read(row)
    places.push(payload.byteOffset - file.byteOffset + (payload.length >> 1))
  }
  return places
}

async function flipped(file: Uint8Array, place: number): Promise<Uint8Array> {
  const copy = file.slice()
  copy[place] = (copy[place] as number) ^ 4
  return copy
}

/** A result, or undefined where a typed error came instead. */
async function typedOnly<T>(result: Promise<T>): Promise<T | undefined> {
  return await result.catch((error: unknown) => {
    if (isPithError(error)) return undefined
    throw error
  })
}

/** Lines that hold a text, at their numbers. */
async function linesWith(pattern: string, file: Uint8Array, run: ReadRun): Promise<string[]> {
  const reader = await openLog(file, run)
  const found: string[] = []
  const decoder = new TextDecoder('latin1')
  for await (const { lines, bytes, offsets } of reader.grep({ patterns: [pattern], fixed: true }, run)) {
    lines.forEach((line, i) => {
      found[line] = decoder.decode(bytes.subarray(offsets[i], (offsets[i + 1] as number) - 1))
    })
  }
  await reader.close()
  return found
}

describe.each(LEVELS)('a damaged log of several chunks, %s', (level) => {
  const forms: [string, Uint8Array][] = []
  beforeAll(async () => {
    const solo = await all(compressLog(log, { level, chunkBytes: 8192 }))
    const chunked = new MemorySink()
    await repack(solo, chunked, { solo: false })
    forms.push(['solo', solo], ['chunks', chunked.bytes()])
  })

  test('is read around the damaged chunk, which is named', async () => {
    for (const [form, file] of forms) {
      const chunks = await chunksOf(file)
      const places = await placesOf(file, 'chunk')
      expect(places.length).toBeGreaterThan(3)
      const broken = await flipped(file, places[1] as number)
      await expect(all(decompressLog(broken)), form).rejects.toMatchObject({ code: 'PITH_CHECKSUM' })
      const run = new Keeper()
      expect(await latin1(decompressLog(broken, run))).toBe(run.rest(chunks))
      expect(run.parts).toMatchObject([{ part: 1, error: { code: 'PITH_CHECKSUM', at: { section: 'chunk' } } }])
      const [{ rawOffset, rawBytes, lines: range }] = run.parts as [DamagedPart]
      expect([rawOffset > 0, rawBytes > 1000, rawOffset + rawBytes < log.length]).toEqual([true, true, true])
      const [from, to] = range as readonly [number, number]
      expect(text.slice(rawOffset, rawOffset + rawBytes)).toBe(`${lines.slice(from, to).join('\n')}\n`)

      const own = new Keeper()
      const reader = await openLog(broken, own)
      expect(await latin1(reader.read(0, reader.lines, own))).toBe(own.rest(chunks))
      expect(own.parts).toHaveLength(1)
      // Numbers of lines behind the damage are those of the whole log.
      const every = new Keeper()
      const numbers: number[] = []
      for await (const batch of reader.grep({ patterns: [''], fixed: true }, every)) numbers.push(...batch.lines)
      expect(numbers).toEqual(lines.map((_, i) => i).filter((i) => i < from || i >= to))
      expect(every.parts).toMatchObject([{ part: 1 }])
      const count = (await reader.templates(new Keeper())).reduce((sum, template) => sum + template.count, 0)
      expect(count).toBe(lines.length - (to - from))
      // Lines apart from the damage do not meet it.
      const apart = new Keeper()
      expect(await latin1(reader.read(0, from, apart))).toBe(`${lines.slice(0, from).join('\n')}\n`)
      expect(apart.parts).toEqual([])
      await expect(latin1(reader.read(0, reader.lines))).rejects.toMatchObject({ code: 'PITH_CHECKSUM' })
      await reader.close()
    }
  })

  test('gives, after any flip of a bit, the right chunks and names the others, or a typed error', async () => {
    for (const [form, file] of forms) {
      const chunks = await chunksOf(file)
      const step = Math.ceil(file.length / FLIPS[level])
      let saved = 0
      for (let place = 3; place < file.length; place += step) {
        const broken = await flipped(file, place)
        const name = `${form} ${place}`
        const run = new Keeper()
        const got = await typedOnly(latin1(decompressLog(broken, run)))
        expect(got ?? run.rest(chunks), name).toBe(run.rest(chunks))
        if (got !== undefined && run.parts.length < 3) saved++
        const own = new Keeper()
        const found = await typedOnly(linesWith('a', broken, own))
        if (found === undefined) continue
        const kept = new Set(own.parts.map(({ part }) => part))
        let line = 0
        for (const [part, chunk] of chunks.entries()) {
          for (const own of chunk.split('\n').slice(0, -1)) {
            if (!kept.has(part)) expect(found[line] ?? '', `${name}, line ${line}`).toBe(own.includes('a') ? own : '')
            line++
          }
        }
      }
      // Most flips meet one chunk; index and head are small, and the profile is only lost if chunks need what is wrong.
      expect(saved / FLIPS[level], form).toBeGreaterThan(0.5)
    }
  }, 30_000)

  test('cut anywhere in the solo form, its whole chunks are read', async () => {
    const [, file] = forms[0] as [string, Uint8Array]
    const chunks = await chunksOf(file)
    const places = await placesOf(file, 'chunk')
    const cut = file.subarray(0, (places[2] as number) + 1)
    const run = new Keeper()
    const got = await latin1(decompressLog(cut, run))
    expect(got).toBe(run.rest(chunks))
    expect(got.length).toBeGreaterThan(10_000)
    expect(run.parts.map(({ part }) => part)).toEqual(places.map((_, i) => i).slice(2))
  })
})

test('a line that goes on in a damaged chunk: what is left of it is searched', async () => {
  const long = `start ${'x'.repeat(9000)} middle ${'y'.repeat(9000)} end\nnext\n`
  const solo = await all(compressLog(new TextEncoder().encode(long), { level: 'fast', chunkBytes: 4096 }))
  const sink = new MemorySink()
  await repack(solo, sink, { solo: false })
  const file = sink.bytes()
  const places = await placesOf(file, 'chunk')
  const broken = await flipped(file, places[2] as number)
  const run = new Keeper()
  const reader = await openLog(broken, run)
  const got: string[] = []
  for await (const { bytes } of reader.grep(
    { patterns: ['start', 'end', 'next'].map((p) => new TextEncoder().encode(p)), fixed: true },
    run,
  ))
    got.push(new TextDecoder().decode(bytes))
  await reader.close()
  expect(run.parts.map(({ part }) => part)).toEqual([2])
  expect(got.join('')).toMatch(/^start x+\ny+ end\nnext\n$/)
})

test('blocks of other bytes are left out as well', async () => {
  const sink = new MemorySink()
  const writer = createContainer(sink, { solo: false })
  const entry = await writer.entry({ codec: 'general' })
  await generalCodec.encode(toSource(log), entry, { level: 'fast', chunkBytes: 8192 })
  await entry.finish()
  await writer.finish()
  const file = sink.bytes()
  const chunks = await chunksOf(file, 'data')
  const broken = await flipped(file, (await placesOf(file, 'data'))[2] as number)
  const run = new Keeper()
  const opened = (await (await openContainer(broken)).entry(1)) as ContainerEntry
  expect(await latin1(generalCodec.decode(opened, run) as unknown as AsyncIterable<Uint8Array>)).toBe(run.rest(chunks))
  expect(run.parts).toMatchObject([{ part: 2, rawOffset: 16_384, rawBytes: 8192 }])
  await expect(all(generalCodec.decode(opened) as unknown as AsyncIterable<Uint8Array>)).rejects.toMatchObject({
    code: 'PITH_CHECKSUM',
  })
})
