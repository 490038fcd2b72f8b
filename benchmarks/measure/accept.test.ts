import { expect, test } from 'vitest'
import { type Accept, type AcceptContext, costAtLeast, costAtMost, runAccept } from './accept.ts'

type Body = (context: AcceptContext) => void

async function judged(body: Body, reportsTimings: boolean, shortfalls: Accept['shortfalls'] = {}) {
  let printed = ''
  const sections = { only: { needsData: false, run: async (context: AcceptContext) => body(context) } }
  const counts = await runAccept(
    { system: 'planted', sections, shortfalls },
    {
      pith: [],
      cache: '',
      scale: 1,
      only: new Set(),
      hasData: false,
      reportsTimings,
      debug: false,
      write(text) {
        printed += text
      },
    },
  )
  return { ...counts, printed }
}

test('a time or memory that misses its target fails, and is told only where timings are reported', async () => {
  const body: Body = (context) => {
    costAtMost(context, 'memory', 500, 400)
    costAtLeast(context, 'speed', 0.5, 1)
  }
  expect(await judged(body, false)).toMatchObject({ passed: 0, failed: 2 })
  const told = await judged(body, true)
  expect(told).toMatchObject({ passed: 0, failed: 0 })
  expect(told.printed).toContain('slow  memory: 500.00 (at most 400)\nslow  speed: 0.50 (at least 1)\n')
})

test('a wrong answer and an exception fail where timings are reported', async () => {
  const wrong = await judged((context) => context.check('bytes', false, 'differ'), true)
  expect(wrong).toMatchObject({ passed: 0, failed: 1 })
  expect(wrong.printed).toContain('FAIL  bytes: differ\n')
  const ended = await judged((context) => {
    context.checkCost('speed', true, '1')
    throw new Error('prints other lines')
  }, true)
  expect(ended).toMatchObject({ passed: 1, failed: 1 })
  expect(ended.printed).toContain('FAIL  only: ended by prints other lines\n')
})

test('a known shortfall counts as neither, but an exception of its section does not hide behind it', async () => {
  const reasons = { share: 'digits', only: 'no reason' }
  const short = await judged((context) => context.check('share', false, '1.0'), false, reasons)
  expect(short).toMatchObject({ passed: 0, failed: 0 })
  expect(short.printed).toContain('short share: 1.0; digits\n')
  const ended = await judged(
    () => {
      throw new Error('gone')
    },
    false,
    reasons,
  )
  expect(ended).toMatchObject({ passed: 0, failed: 1 })
})
