import { expect, test } from 'vitest'
import { fileOf, RecordedFile } from '../../test/container/fault-sink.ts'
import { bytesOf, readBack } from '../../test/container/model.ts'
import { isPithError } from '../errors.ts'
import { MemorySink } from '../sink.ts'
import { createContainer } from './create.ts'
import { openForAppend } from './file-writer.ts'
import { openContainer } from './reader.ts'
import { repack } from './repack.ts'
import { repair } from './repair.ts'
import { verify } from './verify.ts'

/** A small generator of numbers below `n`. */
function numbers(seed: number): (n: number) => number {
  let x = seed
  return (n) => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0
    return Math.floor((x / 2 ** 32) * n)
  }
}

/** Sessions of random appends, commits and replaced blocks; after each mark, the blocks that must be there. */
async function randomSessions(seed: number): Promise<{ file: RecordedFile; states: string[]; written: Set<string> }> {
  const next = numbers(seed)
  const file = new RecordedFile()
  const first = createContainer(file, { solo: false })
  await first.commit()
  await first.finish()
  file.mark()
  let log: string[] = []
  const written = new Set([''])
  const states = ['']
  for (let session = 0; session < 4; session++) {
    const writer = await openForAppend(file)
    const entry = session === 0 ? await writer.entry({ path: 'log' }) : await writer.continueEntry('log')
    for (let step = 0; step < 12; step++) {
      const action = next(5)
      if (action === 0 && log.length > 2) {
        const kept = log.length - 1 - next(Math.min(6, log.length))
        await entry.supersede({ blocks: { b: [kept] }, profiles: 0 })
        log = log.slice(0, kept)
      }
      const size = next(10) === 0 ? 20000 : next(200)
      const tag = next(256)
      await entry.block('b', new Uint8Array(size).fill(tag), { rawBytes: size })
      const block = `${size}:${size > 0 ? tag : ''}`
      log = [...log, block]
      written.add(block)
      if (action < 4) {
        await entry.commit()
        states.push(log.join(' '))
        file.mark()
      }
    }
    await entry.finish()
    await writer.finish()
    states.push(log.join(' '))
    file.mark()
  }
  return { file, states, written }
}

async function shape(bytes: Uint8Array): Promise<string> {
  const entry = (await readBack(await openContainer(bytes)))[0]
  return (entry?.blocks ?? []).map(({ payload }) => `${payload.length}:${payload[0] ?? ''}`).join(' ')
}

test('1,000 random points of power cuts in random sessions leave the last commit or the next', async () => {
  let points = 0
  for (let seed = 1; points < 1000; seed++) {
    const { file, states } = await randomSessions(seed)
    expect(await shape(file.bytes())).toBe(states.at(-1))
    const next = numbers(seed * 77)
    for (let i = 0; i < 25; i++, points++) {
      const count = file.marks[0] + next(file.operations.length - file.marks[0] + 1)
      const done = file.marks.filter((mark) => mark <= count).length - 1
      const allowed = [states[done], states[Math.min(done + 1, states.length - 1)]]
      const salt = next(1 << 30)
      const cut = file.powerCutAfter(count, (index) => numbers(salt + index)(2) === 0)
      expect(allowed).toContain(await shape(cut))
      const again = await fileOf(file.killedAfter(count, next(100) / 100))
      expect(allowed).toContain(await shape(again.bytes()))
      const writer = await openForAppend(again)
      await (await writer.entry({ path: 'other' })).finish()
      await writer.finish()
      expect((await verify(again.bytes())).bad).toEqual([])
      const packed = new MemorySink()
      await repack(again.bytes(), packed)
      expect(await shape(packed.bytes())).toBe(await shape(again.bytes()))
    }
  }
}, 120_000)

test('10,000 random damages of files of all forms are refused or repaired, never misread', async () => {
  const next = numbers(5)
  for (let n = 0; n < 20; n++) {
    const { file, written } = await randomSessions(1000 + n)
    const bytes = file.bytes()
    for (let i = 0; i < 500; i++) {
      const damaged = bytes.slice(0, next(4) === 0 ? next(bytes.length) : bytes.length)
      for (let k = next(3) + 1; k > 0 && damaged.length > 0; k--) damaged[next(damaged.length)] ^= 1 << next(8)
      await verify(damaged)
      const sink = new MemorySink()
      const repaired = await repair(damaged, sink).catch((error: unknown) => {
        expect(isPithError(error)).toBe(true)
        return undefined
      })
      if (repaired === undefined) continue
      expect((await verify(sink.bytes())).ok).toBe(true)
      for (const block of (await shape(sink.bytes())).split(' ')) expect(written.has(block)).toBe(true)
    }
  }
}, 240_000)

test('a million blocks and entries keep the root small and the writer linear', async () => {
  const sink = new MemorySink()
  const writer = createContainer(sink)
  for (let i = 0; i < 50_000; i++) {
    const entry = await writer.entry({ path: `d/${String(i).padStart(6, '0')}` })
    for (let k = 0; k < 20; k++) await entry.block('d', bytesOf(1), { rawBytes: 1 })
    await entry.finish()
  }
  await writer.finish()
  const container = await openContainer(sink.bytes())
  expect(container.totals).toMatchObject({ entries: 50_000, blocks: 1_000_000 })
  expect(container.stats.requests).toBeLessThanOrEqual(2)
  const entry = await container.entry('d/012345')
  expect((await entry?.blocks('d'))?.length).toBe(20)
  expect(container.stats.requests).toBeLessThanOrEqual(6)
}, 120_000)
