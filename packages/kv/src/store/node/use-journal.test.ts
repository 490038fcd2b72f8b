import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fingerprint } from '@pith/core'
import { expect, test } from 'vitest'
import { testFolder } from '../../../test/folder.ts'
import { valueName } from '../tier.ts'
import { UseJournal } from './use-journal.ts'

const names = (count: number, first = 0, coder = 'raw-f32'): string[] =>
  Array.from({ length: count }, (_, i) => valueName(fingerprint(Uint8Array.of(first + i, (first + i) >> 8)), coder))

/** Names by the clock of their last use, the oldest first. */
async function order(journal: UseJournal): Promise<string[]> {
  return [...(await journal.read())].sort(([, a], [, b]) => a - b).map(([name]) => name)
}

test('ends of a text count as older than its beginning, however long it is', async () => {
  const journal = await UseJournal.open(testFolder())
  const [a, b] = [names(9000), names(3, 20_000, 'raw-f16')]
  await journal.use(a)
  await journal.use(b)
  expect(await order(journal)).toEqual([...a.toReversed(), ...b.toReversed()])
  await journal.use(a.slice(0, 2))
  expect((await order(journal)).slice(-5)).toEqual([...b.toReversed(), a[1], a[0]])
  await journal.close()
})

test('processes write to journals of their own, and go on behind each other', async () => {
  const folder = testFolder()
  const [one, two] = [await UseJournal.open(folder), await UseJournal.open(folder)]
  const [a, b, c] = [names(2), names(2, 10), names(2, 20)]
  await one.use(a)
  await two.use(b)
  await one.close()
  const three = await UseJournal.open(folder)
  await three.use(c)
  expect((await order(three)).slice(-2)).toEqual(c.toReversed())
  expect((await order(two)).length).toBe(6)
  expect(statSync(join(folder, 'journal-1.log')).size).toBeGreaterThan(0)
  await two.close()
  await three.close()
})

test('a journal that became long is written anew in the same order, without what is gone', async () => {
  const folder = join(testFolder(), 'store')
  mkdirSync(folder)
  const journal = await UseJournal.open(folder, 20_000)
  const texts = Array.from({ length: 8 }, (_, i) => names(10, 100 * i, i % 2 === 0 ? 'raw-f32' : 'pca-3'))
  for (let round = 0; round < 20; round++) for (const text of texts) await journal.use(text.slice(0, 10 - (round % 3)))
  const before = (await order(journal)).filter((name) => !texts[3]?.includes(name))
  const size = statSync(join(folder, 'journal-0.log')).size
  await journal.shorten(await journal.read(), (name) => !texts[3]?.includes(name))
  expect(await order(journal)).toEqual(before)
  expect(statSync(join(folder, 'journal-0.log')).size).toBeLessThan(size / 8)
  await journal.use(texts[3] as string[])
  expect((await order(journal)).at(-1)).toBe(texts[3]?.[0])
  await journal.close()
})
