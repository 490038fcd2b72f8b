import { expect, test } from 'vitest'
import { testFolder } from './folder.ts'
import { killAgainAndAgain } from './store-kills.ts'

test('5 writers are killed: what was acknowledged is found, and nothing else', async () => {
  expect(await killAgainAndAgain(testFolder(), 5, 1)).toBeGreaterThan(5)
})
