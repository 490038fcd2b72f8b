/** Keeps texts in a folder and reads them back: so many, or until it is killed. Says how many it has done, and what was wrong. */
import { PrefixStore } from '@pith/kv/store'
import { diskTier } from '@pith/kv/store/node'
import { cacheOf, modelPrint, randomText, sameCache } from './prefixes.ts'

const [folder = '', first = '0', rounds = '0', maxBytes = '4e9'] = process.argv.slice(2)

const store = new PrefixStore({
  tiers: [diskTier(folder, { maxBytes: Number(maxBytes) })],
  chunk: 16,
  timeoutMs: 10_000,
})
let found = 0
for (let round = 0; rounds === '0' || round < Number(rounds); round++) {
  // Texts come again, and others write them as well.
  const seed = (Number(first) + round * 7) % 60
  const text = randomText(16 * (1 + (seed % 8)), seed)
  const whole = cacheOf(text)
  store.keep(text, whole)
  await store.flush()
  const back = await store.get(text, modelPrint())
  if (back !== undefined && !sameCache(back, whole.slice(0, back.length))) process.stdout.write('wrong\n')
  found += back?.length ?? 0
  process.stdout.write(`${round}\n`)
}
await store.close()
process.stdout.write(`found ${found} warnings ${store.stats.warnings}\n`)
