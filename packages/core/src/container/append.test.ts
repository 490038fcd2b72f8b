import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fileOf, RecordedFile } from '../../test/container/fault-sink.ts'
import { bytesOf, readBack } from '../../test/container/model.ts'
import { MemorySink } from '../sink.ts'
import { bytesAccess, countAccess } from '../source.ts'
import { createContainer } from './create.ts'
import { openForAppend } from './file-writer.ts'
import { openContainer } from './reader.ts'
import { repack } from './repack.ts'
import { readContainerStream } from './stream.ts'
import { verify } from './verify.ts'
import type { ContainerEntryWriter } from './writer.ts'

/** The payloads of section `log` of the first entry, each as its first byte and length. */
async function shape(file: Uint8Array): Promise<string[]> {
  const container = await openContainer(file)
  const entry = await container.entry(1)
  if (entry === undefined) return []
  const rows = await entry.blocks('log')
  const payloads = await Promise.all(rows.map((row) => entry.read(row)))
  return payloads.map((payload) => `${payload[0]}x${payload.length}`)
}

async function put(entry: ContainerEntryWriter, tag: number, length = 100): Promise<void> {
  await entry.block('log', new Uint8Array(length).fill(tag), { rawBytes: length, keys: [tag, tag + 1] })
}

describe('commits', () => {
  test('1,000 commits of 100 bytes cost at most 150 bytes each beside them, and open in two reads', async () => {
    const file = new RecordedFile()
    const writer = createContainer(file)
    const entry = await writer.entry({ codec: 'logzip' })
    for (let i = 0; i < 1000; i++) {
      await put(entry, i & 127)
      await entry.commit()
    }
    await entry.finish()
    await writer.finish()
    expect(file.size / 1000).toBeLessThanOrEqual(250)
    const access = countAccess(bytesAccess(file.bytes()))
    const container = await openContainer(access)
    expect(container.commit).toBe(1000)
    expect(container.totals).toMatchObject({ entries: 1, blocks: 1000, rawBytes: 100000 })
    expect(access.requests).toBeLessThanOrEqual(2)
    expect(await shape(file.bytes())).toHaveLength(1000)
    expect((await verify(file.bytes())).ok).toBe(true)
  })

  test('1,000 commits of large blocks are linear: the second half costs hardly more than the first', async () => {
    const file = new RecordedFile()
    const writer = createContainer(file)
    const entry = await writer.entry()
    const payload = new Uint8Array(40000)
    const sizes: number[] = []
    for (let i = 0; i < 400; i++) {
      await entry.block('kv', payload, { rawBytes: 1, keys: [i, i + 1] })
      await entry.commit()
      sizes.push(file.size)
      file.operations.length = 0
    }
    const overhead = (from: number, to: number): number => sizes[to - 1] - (sizes[from - 1] ?? 0) - 40000 * (to - from)
    expect(overhead(200, 400)).toBeLessThan(1.5 * overhead(0, 200))
    expect(overhead(0, 400) / 400).toBeLessThan(1000)
  })

  test('every cut of a file with commits opens at the last whole one', async () => {
    const file = new RecordedFile()
    const writer = createContainer(file)
    const ends: number[] = []
    const entry = await writer.entry({ path: 'a.log' })
    for (let i = 1; i <= 5; i++) {
      await put(entry, i, 30)
      await entry.commit()
      ends.push(file.size)
    }
    await entry.finish()
    await writer.finish()
    const bytes = file.bytes()
    for (let length = ends[0]; length <= bytes.length; length++) {
      const container = await openContainer(bytes.subarray(0, length))
      const commit = ends.filter((end) => end <= length).length
      expect(container.commit).toBe(commit)
      expect(container.uncommittedBytes).toBe(length - ends[commit - 1])
      expect(await shape(bytes.subarray(0, length))).toHaveLength(commit)
    }
  })
})

describe('append', () => {
  test('goes on with an entry, adds others, and cuts off what was not committed', async () => {
    const first = new RecordedFile()
    const writer = createContainer(first)
    const entry = await writer.entry({ path: 'a.log' })
    await put(entry, 1)
    await entry.commit()
    await put(entry, 2)
    await writer.entry().catch(() => {})
    const file = await fileOf(Uint8Array.of(...first.bytes(), 1, 2, 3))
    const again = await openForAppend(file)
    const same = await again.continueEntry('a.log')
    await put(same, 3)
    await same.finish()
    const other = await again.entry({ path: 'b.log' })
    await other.block('x', bytesOf(5), { rawBytes: 5 })
    await other.finish(7)
    await again.finish()
    expect(await shape(file.bytes())).toEqual(['1x100', '3x100'])
    const [a, b] = await readBack(await openContainer(file.bytes()))
    expect([a.path, a.rawBytes, b.path, b.rawBytes]).toEqual(['a.log', 200, 'b.log', 7])
    await expect(openForAppend(file).then((w) => w.entry({ path: 'b.log' }))).rejects.toThrow('stands in the archive')
  })

  test('a small file in the solo form is extended behind itself, and every cut gives one of both', async () => {
    const sink = new MemorySink()
    const writer = createContainer(sink)
    const entry = await writer.entry({ codec: 'logzip', meta: bytesOf(3) })
    await entry.profile(bytesOf(20))
    await put(entry, 1)
    await entry.summary(bytesOf(6))
    await entry.finish(12345)
    await writer.finish()
    const solo = sink.bytes()
    const file = await fileOf(solo)
    const again = await openForAppend(file)
    const same = await again.continueEntry(1)
    await put(same, 2)
    await same.finish()
    await again.finish()
    const bytes = file.bytes()
    for (let length = solo.length; length <= bytes.length; length++) {
      const cut = bytes.subarray(0, length)
      expect(await shape(cut)).toEqual(length < bytes.length ? ['1x100'] : ['1x100', '2x100'])
    }
    const streamed: number[] = []
    for await (const e of readContainerStream(bytes)) {
      for await (const item of e.items()) if (item.type === 'block') streamed.push(item.payload[0])
    }
    expect(streamed).toEqual([1, 2])
    const container = await openContainer(bytes)
    expect(container.totals.rawBytes).toBe(12445)
    expect(await (await container.entry(1))?.profile()).toEqual(bytesOf(20))
    expect(await (await container.entry(1))?.summary()).toEqual(bytesOf(6))
  })
})

describe('superseding blocks', () => {
  /** Flushes of one block; every `every`-th takes all since the last back and writes them as one with `of` bytes for each. */
  async function flushes(
    file: RecordedFile,
    count: number,
    every: number,
    of = 20,
    abort = false,
  ): Promise<string[][]> {
    const writer = createContainer(file)
    try {
      return await flushInto(writer, file, count, every, of)
    } catch (error) {
      if (abort) await writer.abort(error)
      throw error
    }
  }

  async function flushInto(
    writer: ReturnType<typeof createContainer>,
    file: RecordedFile,
    count: number,
    every: number,
    of: number,
  ): Promise<string[][]> {
    const entry = await writer.entry({ codec: 'logzip' })
    const states: string[][] = [[]]
    let expected: string[] = []
    let mark = entry.mark()
    let kept: string[] = []
    await entry.commit()
    file.mark()
    for (let i = 1; i <= count; i++) {
      if (i % every === 0) {
        await entry.supersede(mark)
        await put(entry, i, of * every)
        kept = [...kept, `${i}x${of * every}`]
        expected = kept
        mark = entry.mark()
      } else {
        await put(entry, i, 40)
        expected = [...expected, `${i}x40`]
      }
      await entry.summary(Uint8Array.of(i))
      await entry.commit()
      states.push(expected)
      file.mark()
    }
    await entry.finish()
    await writer.finish()
    return states
  }

  test.each([20, 400])('gives the space of the old blocks back, %i bytes for 40', async (of) => {
    const file = new RecordedFile()
    const states = await flushes(file, 96, 8, of)
    expect(await shape(file.bytes())).toEqual(states.at(-1))
    expect((await verify(file.bytes())).ok).toBe(true)
    const packed = new MemorySink()
    await repack(file.bytes(), packed)
    expect(await shape(packed.bytes())).toEqual(states.at(-1))
    expect(file.size).toBeLessThan(packed.size + 12 * 700)
    expect((await openContainer(file.bytes())).commit).toBe(97)
    // Nothing taken back stands in the file any more, so that a pipe can read it too.
    let blocks = 0
    for await (const e of readContainerStream(file.bytes())) {
      for await (const item of e.items()) if (item.type === 'block') blocks++
    }
    expect(blocks).toBe(12)
  })

  test.each([20, 400])(
    'a kill at any operation leaves the last commit or the one that was being made, %i bytes for 40',
    async (of) => {
      const file = new RecordedFile()
      const states = await flushes(file, 20, 4, of)
      for (let count = file.marks[0]; count <= file.operations.length; count++) {
        const done = file.marks.filter((mark) => mark <= count).length - 1
        for (const part of [0, 0.5, 0.99]) {
          const bytes = file.killedAfter(count, part)
          expect([states[done], states[done + 1]]).toContainEqual(await shape(bytes))
          const again = await fileOf(bytes)
          const writer = await openForAppend(again)
          const entry = await writer.continueEntry(1)
          await put(entry, 99, 10)
          await entry.finish()
          await writer.finish()
          expect((await shape(again.bytes())).at(-1)).toBe('99x10')
          expect((await verify(again.bytes())).bad).toEqual([])
        }
      }
    },
  )

  test.each([20, 400])(
    'a power cut that loses or reorders writes leaves the last commit or the one that was being made, %i bytes for 40',
    async (of) => {
      const file = new RecordedFile()
      const states = await flushes(file, 20, 4, of)
      await fc.assert(
        fc.asyncProperty(
          fc.nat(file.operations.length),
          fc.array(fc.boolean(), { maxLength: 40 }),
          async (at, kept) => {
            const count = Math.max(file.marks[0], at)
            const done = file.marks.filter((mark) => mark <= count).length - 1
            const bytes = file.powerCutAfter(count, (i) => kept[i % Math.max(1, kept.length)] ?? false)
            expect([states[done], states[done + 1]]).toContainEqual(await shape(bytes))
          },
        ),
        { numRuns: 300 },
      )
    },
  )

  test.each([20, 400])('a write that fails leaves the last commit, also after abort, %i bytes for 40', async (of) => {
    const whole = new RecordedFile()
    const states = await flushes(whole, 9, 4, of)
    for (let failAt = whole.marks[0]; failAt < whole.operations.length; failAt++) {
      const file = new RecordedFile()
      file.failAt = failAt
      await expect(flushes(file, 9, 4, of, true)).rejects.toThrow('disk is full')
      const done = file.marks.length - 1
      expect([states[done], states[done + 1]]).toContainEqual(await shape(file.bytes()))
    }
  })

  test('blocks of an earlier session can be taken back', async () => {
    const file = new RecordedFile()
    const writer = createContainer(file)
    const entry = await writer.entry()
    for (let i = 1; i <= 5; i++) {
      await put(entry, i)
      await entry.commit()
    }
    await entry.finish()
    await writer.finish()
    const before = file.size
    const again = await openForAppend(file)
    const same = await again.continueEntry(1)
    await same.supersede({ blocks: { log: [2] }, profiles: 0 })
    await put(same, 9, 250)
    await same.finish()
    await again.finish()
    expect(await shape(file.bytes())).toEqual(['1x100', '2x100', '9x250'])
    expect(file.size).toBeLessThan(before)
    expect((await openContainer(file.bytes())).totals).toMatchObject({ blocks: 3, rawBytes: 450, commit: 6 })
  })
})
