import { expect, test } from 'vitest'
import type { Accept } from './accept.ts'
import { lanesOf, runLanes } from './accept-lanes.ts'

const section = (lane?: string) => ({ needsData: false, run: async () => {}, ...(lane === undefined ? {} : { lane }) })
const accept: Accept = {
  system: 'x',
  shortfalls: {},
  sections: { a: section('one'), b: section(), c: section('two'), d: section('one'), e: section('three') },
}

test('sections of one lane stay together, those without one are left out', () => {
  expect(lanesOf(accept, (name) => name !== 'e')).toEqual([['a', 'd'], ['c']])
})

test('the counts of lanes are added, and a lane that ends early has failed', async () => {
  const says: Record<string, string> = {
    a: 'machine\n# x: a\npass  one: 1\n1 s in all\n2 passed, 0 failed\n',
    c: '# x: c\nFAIL  two: 1\n1 passed, 3 failed\n',
    e: '# x: e\npass  three: 1\n',
  }
  let said = ''
  const command = ([first = '']: readonly string[]) => [
    process.execPath,
    '-e',
    `process.stdout.write(${JSON.stringify(says[first])})`,
  ]
  const counts = await runLanes([['a', 'd'], ['c'], ['e']], command, (text) => {
    said += text
  })
  expect(counts).toEqual({ passed: 3, failed: 4 })
  expect(said).toContain('# x: a\npass  one: 1\n1 s in all\n')
  expect(said).toContain('FAIL  e: the run ended early')
  expect(said).not.toContain('machine')
})
