import { expect, test } from 'vitest'
import { verifyTier } from '../src/store/index.ts'
import { diskTier } from '../src/store/node/index.ts'
import { testFolder } from './folder.ts'
import { runWriter } from './store-processes.ts'

test('two processes share a folder, each throwing away what is too much', async () => {
  const folder = testFolder()
  const maxBytes = 100_000
  const said = await Promise.all([0, 13].map((first) => runWriter(folder, first, 35, maxBytes)))
  for (const own of said) {
    expect(own).not.toContain('wrong')
    expect(own).toMatch(/^34\nfound [1-9]\d{2,} warnings 0$/m)
  }
  const tier = diskTier(folder, { maxBytes })
  const { bad, bytes } = await verifyTier(tier)
  expect(bad).toEqual([])
  expect(bytes).toBeLessThan(1.2 * maxBytes)
  await tier.close()
})
