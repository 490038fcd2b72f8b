import { expect, test } from 'vitest'
import { testFolder } from './folder.ts'
import { killAgainAndAgain, readWhileWritten } from './store-kills.ts'

const KILLS = 200

test(`${KILLS} writers are killed while they add, delete, flush and merge: what was acknowledged is found, and nothing else`, async () => {
  const counts = await Promise.all([2, 3].map((seed) => killAgainAndAgain(testFolder(), KILLS / 2, seed)))
  // Each got as far as some changes; how many, the load of the machine says.
  expect(counts[0] + counts[1]).toBeGreaterThan(KILLS)
})

test('readers open the index while another process changes it', async () => {
  const { opened, rounds } = await readWhileWritten(testFolder(), 300)
  expect(opened).toBe(300)
  expect(rounds).toBeGreaterThan(20)
})
