import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compressBy } from '../safe/compress.ts'
import { o200kCounter } from '../safe/counter.ts'
import type { CompressOptions } from '../types.ts'
import { rankAny } from './any.ts'
import { rankWords } from './prose.ts'

const counter = await o200kCounter()

async function short(
  text: string,
  rate: number,
  options: Partial<CompressOptions> = {},
): Promise<{ text: string; scorer: string }> {
  const result = await compressBy(rankAny, text, { budget: { rate }, onOverflow: 'keep-protected', ...options })
  return { text: result.text, scorer: result.report.scorer }
}

/** Every list of the shorter JSON is part of that of the longer, in order, and nothing else is gone but words of long texts. */
function checkJson(less: unknown, more: unknown): void {
  if (Array.isArray(less) && Array.isArray(more)) {
    expect(less.length).toBeLessThanOrEqual(more.length)
    if (less.length === more.length) for (const [i, own] of less.entries()) checkJson(own, more[i])
  } else if (typeof less === 'object' && less !== null) {
    expect(Object.keys(less)).toEqual(Object.keys(more as object))
    for (const [key, own] of Object.entries(less)) checkJson(own, (more as Record<string, unknown>)[key])
  } else if (typeof less === 'string' && less !== more) {
    expect(String(more).length).toBeGreaterThan(40)
    for (const word of less.split(' ')) expect(more).toContain(word)
  } else expect(less).toEqual(more)
}

test('JSON stays JSON at any budget, and only elements and words of long texts go', async () => {
  const leaf = fc.oneof(
    fc.lorem({ maxCount: 30 }),
    fc.string({ unit: 'grapheme' }),
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
  )
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('tree'), { maxLength: 8 }),
      fc.dictionary(fc.string({ maxLength: 8 }), tie('tree')),
    ),
  }))
  const settings = fc.record({
    rate: fc.double({ min: 0.1, max: 0.9, noNaN: true }),
    joiner: fc.constantFrom('none' as const, 'marker' as const, 'ellipsis' as const),
    indent: fc.constantFrom(undefined, 2),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(tree, { minLength: 2, maxLength: 20 }),
      settings,
      async (value, { rate, joiner, indent }) => {
        const { text } = await short(JSON.stringify(value, null, indent), rate, { joiner, markerMinTokens: 5 })
        const back = JSON.parse(text)
        if (joiner === 'none') checkJson(back, JSON.parse(JSON.stringify(value)))
      },
    ),
    { numRuns: 100 },
  )
})

test('rows of JSON that are asked for stay, and pairs of keys and values whole', async () => {
  const rows = Array.from({ length: 60 }, (_, i) => ({ id: i, name: `item ${i}`, state: i === 41 ? 'rusty' : 'fine' }))
  const { text, scorer } = await short(JSON.stringify(rows), 0.1, { query: 'which item is rusty' })
  expect(scorer).toBe('json')
  expect(JSON.parse(text)).toContainEqual(rows[41])
  const pairs = Object.fromEntries(
    rows.map(({ id }) => [`key-${id}`, `c0ffee${id}-0000-4000-8000-00000000000${id % 10}`]),
  )
  expect((await short(JSON.stringify(pairs), 0.5)).text).toBe(JSON.stringify(pairs))
})

test('lines of trouble stay in logs, exactly', async () => {
  const lines = Array.from(
    { length: 400 },
    (_, i) => `2024-05-01 12:00:${i % 60} INFO worker ${i} finished in ${i * 3} ms\n`,
  )
  lines[150] = '2024-05-01 12:01:00 ERROR cannot open /var/lib/x/7.db: permission denied (code 13)\n'
  lines[300] = '2024-05-01 12:03:00 WARN queue is 93% full\n'
  const { text, scorer } = await short(lines.join(''), 0.05)
  expect(scorer).toBe('log')
  expect(text).toContain(lines[150])
  expect(text).toContain(lines[300])
  for (const line of text.split('\n')) expect(lines.join('')).toContain(line)
})

test('changed lines of a diff stay before what stands around them', async () => {
  const hunk = (at: number): string =>
    `@@ -${at},9 +${at},9 @@\n${' same line here and there\n'.repeat(4)}-const a${at} = 1\n+const a${at} = 2\n${' more of the same lines\n'.repeat(4)}`
  const text = `diff --git a/x.ts b/x.ts\n--- a/x.ts\n+++ b/x.ts\n${hunk(10)}${hunk(50)}diff --git a/y.ts b/y.ts\n--- a/y.ts\n+++ b/y.ts\n${hunk(90)}`
  const { text: own, scorer } = await short(text, 0.6)
  expect(scorer).toBe('diff')
  for (const line of text.split('\n').filter((line) => /^(?:[-+]|@@|diff)/.test(line))) expect(own).toContain(line)
  const { text: one } = await short(text, 0.25, { query: 'a50' })
  expect(one).toContain('--- a/x.ts\n+++ b/x.ts\n')
  expect(one).toContain('+const a50 = 2')
  expect(one).not.toContain('a90')
})

test('what a page says stays, words do not run together, scripts go', async () => {
  const items = Array.from(
    { length: 40 },
    (_, i) => `<li><a href="/p/${i}">Chapter ${i}</a><b>of&nbsp;many</b></li>`,
  ).join('')
  const text = `<!doctype html><html><head><title>T</title></head><body><script>var secret = 1</script><ul>${items}</ul><p>The bridge was built in 1931 by <em>Anna Berg</em>.</p></body></html>`
  const { text: own, scorer } = await short(text, 0.1, { query: 'who built the bridge' })
  expect(scorer).toBe('html')
  expect(own.replace(/\s+/g, ' ')).toContain('The bridge was built in 1931 by Anna Berg')
  expect(own).not.toMatch(/secret|<li|Chapter \d+Chapter/)
})

test('sentences that answer stay, and without a question those that say what the text is about', async () => {
  const filler = Array.from({ length: 30 }, (_, i) => `Some people like ${'abcdefghij'[i % 10]} things. `).join('')
  const text = `${filler}The reactor core melts at 2,865 degrees. ${filler}The reactor core must be cooled. `
  const asked = await short(text, 0.1, { query: 'when does the core melt' })
  expect(asked.scorer).toBe('sentences')
  expect(asked.text).toContain('2,865 degrees.')
})

test('by words, numbers and negations stay and what can be guessed goes', async () => {
  const text =
    'There are 15 trees in the grove. The workers will not plant 3.5 of the trees in the grove today, so there are 21 - 6 = 15 trees. '.repeat(
      3,
    )
  const result = await compressBy((own) => rankWords(own, ''), text, { budget: { rate: 0.6 } })
  expect(result.text.match(/\d[\d.]*\d|\d/g)).toEqual(text.match(/\d[\d.]*\d|\d/g))
  expect(result.text.match(/[-=]/g)).toEqual(text.match(/[-=]/g))
  expect(result.text.match(/\bnot\b/g)).toHaveLength(3)
  expect(counter.count(result.text)).toBeLessThanOrEqual(0.6 * counter.count(text))
})

test('anything is ranked in linear time', async () => {
  for (const text of [
    '<'.repeat(40_000),
    '['.repeat(20_000),
    '{"a":'.repeat(4_000),
    '@@ -1 @@\n'.repeat(20_000),
    ' \n'.repeat(20_000),
    `"${'\\u0020'.repeat(6_000)}`,
  ]) {
    const start = process.cpuUsage()
    await short(text, 0.5)
    const { user, system } = process.cpuUsage(start)
    expect((user + system) / 1e6).toBeLessThan(10)
  }
})

test('the paragraph, section or element that fits best stays, with the sentence that answers without a word of the question', async () => {
  const filler = (i: number): string =>
    `Place ${i} has a harbour. Ships come and go there all year. Its people fish and trade, and some of them build boats.`
  const parts = Array.from({ length: 20 }, (_, i) =>
    i === 7 ? 'The Skagen bridge is a road bridge. It is painted red. Anna Berg drew its plans in spring.' : filler(i),
  )
  const forms = [
    parts.join('\n\n'),
    `<!doctype html><body>${parts.map((part, i) => `<h2>Part ${i}</h2><p>${part}</p>`).join('')}</body>`,
    JSON.stringify(parts.map((text, id) => ({ id, text }))),
  ]
  for (const form of forms) {
    expect((await short(form, 0.2, { query: 'Who planned the Skagen bridge?' })).text).toContain('Anna Berg')
  }
})
