import { bytesAccess, countAccess, isPithError } from '@pith/core'
import { openContainer } from '@pith/core/container'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { holdSections, openHeld, sectionBytes } from '../test/held-sections.ts'
import { openSections } from './sections.ts'

const numbers = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31) >>> 3)

test('any range of a section comes back, however it was cut when written', async () => {
  const content = numbers(30_000)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 30_000 }), { maxLength: 8 }),
      fc.integer({ min: 900, max: 40_000 }),
      fc.tuple(fc.nat(30_000), fc.nat(30_000)),
      async (cuts, blockBytes, [a, b]) => {
        const places = [0, ...cuts.sort((x, y) => x - y), content.length]
        const pieces = places.slice(1).map((end, i) => content.slice(places[i], end))
        const held = await holdSections(async (sections) => {
          await sections.write('whole', content)
          await sections.write('pieces', pieces, { blockBytes })
          await sections.write('empty', [])
        })
        const [from, to] = a < b ? [a, b] : [b, a]
        for (const name of ['whole', 'pieces']) {
          expect(held.size(name)).toBe(content.length)
          const found = await held.read(name, from, to)
          expect(found).toEqual(content.slice(from, to))
          expect(found.buffer.byteLength).toBe(found.length)
        }
        expect([held.has('empty'), held.size('empty'), held.has('none')]).toEqual([true, 0, false])
        expect(await held.read('empty')).toEqual(new Uint8Array(0))
      },
    ),
    { numRuns: 30 },
  )
})

test('a range costs the blocks that hold it, and the second time nothing', async () => {
  const bytes = await sectionBytes(async (sections) => {
    await sections.write('a', numbers(200_000))
    await sections.write('b', numbers(200_000))
  })
  const access = countAccess(bytesAccess(bytes))
  const container = await openContainer(access)
  const entry = await container.entry(1)
  const sections = await openSections(entry as NonNullable<typeof entry>, bytes.length)
  const opened = access.bytes
  expect(opened).toBeLessThanOrEqual(65536)
  await sections.read('a', 10_000, 10_010)
  expect(access.bytes - opened).toBeLessThan(8500)
  const after = access.bytes
  await sections.read('a', 9_000, 16_000)
  expect(access.bytes).toBe(after)
})

test('what is wrong is told by its code', async () => {
  const held = await holdSections(async (sections) => {
    await sections.write('a', numbers(10))
    await expect(sections.write('a', numbers(10))).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(sections.write('', numbers(10))).rejects.toMatchObject({ code: 'PITH_ARG' })
    await expect(sections.write('b', numbers(10), { blockBytes: 0 })).rejects.toMatchObject({ code: 'PITH_ARG' })
  })
  for (const [from, to] of [
    [-1, 2],
    [0, 11],
    [5, 4],
    [0.5, 2],
    [Number.NaN, 2],
  ]) {
    await expect(held.read('a', from, to)).rejects.toMatchObject({ code: 'PITH_CORRUPT', at: { section: 'a' } })
  }
  await expect(held.read('none')).rejects.toMatchObject({ code: 'PITH_CORRUPT' })
  expect(() => held.size('none')).toThrow(/no section/)
})

test('a changed byte gives the right bytes or a typed error', async () => {
  const content = numbers(20_000)
  const bytes = await sectionBytes((sections) => sections.write('a', content))
  for (let at = 0; at < bytes.length; at += 97) {
    const changed = bytes.slice()
    changed[at] ^= 1 << (at % 8)
    try {
      expect(await (await openHeld(changed)).read('a')).toEqual(content)
    } catch (error) {
      expect(isPithError(error), String(error)).toBe(true)
    }
  }
})
