import { expect, test } from 'vitest'
import { makeQueries } from './queries.ts'

const text = Array.from(
  { length: 300 },
  (_, i) => `Jun ${1 + (i % 30)} host app[${4000 + i}]: request id-${i * 7919} from 10.0.0.${i % 9} done\r`,
).join('\n')

test('queries are the same for the same seed, and of every kind', () => {
  const queries = makeQueries(text, 200, 7)
  expect(queries).toEqual(makeQueries(text, 200, 7))
  expect(queries).not.toEqual(makeQueries(text, 200, 8))
  expect(new Set(queries.map((query) => query.kind)).size).toBe(12)
  expect(queries.length).toBeGreaterThanOrEqual(200)
})

test('a pattern that goes as an argument is printable, and none is empty', () => {
  for (const { pattern, inFile } of makeQueries(text, 200, 9)) {
    expect(pattern.length).toBeGreaterThan(0)
    expect(pattern).not.toContain('\n')
    if (!inFile) expect(pattern).toMatch(/^[\t\r -~]*$/)
  }
})

test('most queries find something, some nothing', () => {
  const found = makeQueries(text, 200, 3)
    .filter((query) => query.flags.length === 1 && query.flags[0] === '-F')
    .map((query) => text.includes(query.pattern))
  expect(found.filter(Boolean).length).toBeGreaterThan(80)
  expect(found).toContain(false)
})
