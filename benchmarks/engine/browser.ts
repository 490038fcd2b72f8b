/** The same training in Chromium, as WebAssembly, and in Node with the native runtime. */
import { loadRuntime } from '@pith/engine'
import {
  compileLanguageModel,
  type ModelSizes,
  trainLanguageModel,
} from '../../packages/engine/test/browser/language-model.ts'
import type { InPage } from '../../packages/engine/test/browser/page.ts'
import { openPage, type TestPage } from '../../scripts/browser/open-page.ts'
import { type AcceptContext, atMost, costAtMost } from '../measure/accept.ts'

declare const inPage: InPage

const SIZES: ModelSizes = { layers: 4, width: 128, heads: 4, words: 512, rows: 8, tokens: 128 }
/** Rounds that are timed, first here and then there, and the updates of each. */
const ROUNDS = 5
const UPDATES = 4

/** Twenty updates of a language model of 0.9 M parameters: losses, and processor time on one thread. */
export async function acceptBrowser(context: AcceptContext): Promise<void> {
  const backend = await loadRuntime()
  const step = await compileLanguageModel(SIZES, backend)
  const chromium = await openPage({ page: new URL('../../packages/engine/test/browser/page.ts', import.meta.url) })
  try {
    const { page } = chromium
    await page.evaluate((sizes) => inPage.begin(sizes), SIZES)
    const timer = await pageTimer(chromium)
    const here = { losses: [] as number[], ms: [] as number[] }
    const there = { losses: [] as number[], ms: [] as number[] }
    for (let round = 0; round < ROUNDS; round++) {
      const from = process.cpuUsage()
      here.losses.push(...(await trainLanguageModel(step, SIZES, UPDATES)))
      const { user, system } = process.cpuUsage(from)
      here.ms.push((user + system) / 1000 / UPDATES)
      const start = await timer()
      there.losses.push(...(await page.evaluate((updates) => inPage.train(updates), UPDATES)))
      there.ms.push(((await timer()) - start) / UPDATES)
    }
    const apart = Math.max(...here.losses.map((loss, i) => Math.abs(loss - (there.losses[i] as number))))
    const [native, web] = [Math.min(...here.ms), Math.min(...there.ms)]
    context.say(
      `loss ${here.losses[0]?.toFixed(4)} to ${here.losses.at(-1)?.toFixed(4)} in ${here.losses.length} updates`,
    )
    context.say(`an update: ${backend.name} ${native.toFixed(0)} ms, Chromium ${web.toFixed(0)} ms of processor time`)
    context.check('Node runs the native library', backend.name === 'ort-node', backend.name)
    atMost(context, "losses in Chromium as Node's", apart, 1e-4, 9)
    costAtMost(context, 'time of an update in Chromium over that in Node', web / native, 4)
    const foreign = chromium.requested.filter((url) => !url.startsWith(chromium.server.url) && !url.startsWith('data:'))
    context.check('the page asks no other server', foreign.length === 0, foreign.join(', ') || 'none')
  } finally {
    await step.dispose()
    await chromium.close()
  }
}

/** Gives the processor time, in milliseconds, that the process of the page has taken. */
async function pageTimer({ page }: TestPage): Promise<() => Promise<number>> {
  const session = await page.context().newCDPSession(page)
  await session.send('Performance.enable')
  return async () => {
    const { metrics } = await session.send('Performance.getMetrics')
    return 1000 * (metrics.find(({ name }) => name === 'ProcessTime')?.value ?? Number.NaN)
  }
}
