import { expect, test } from 'vitest'
import type { Case } from './measure/case.ts'
import { drawAll, drawSizes } from './render.ts'

const base = { system: 'logzip', peer: { name: 'xz -9e' }, vs: {}, repeats: 1 }
const size = (name: string, group: string, level: string, ours: number): Case => ({
  ...base,
  kind: 'sizes',
  data: { name, group, bytes: 1000 },
  params: { level },
  ours: { bytes: ours },
  theirs: { bytes: 100 },
})

test('a log is a row with a dot for each level', () => {
  const svg = drawSizes([
    size('a<b', 'full', 'fast', 80),
    size('a<b', 'full', 'max', 50),
    size('c', 'heldout', 'max', 40),
  ])
  expect(svg.match(/<circle/g)).toHaveLength(3 + 3)
  expect(svg).toContain('a&#60;b, max: 50 bytes, 0.50 of xz')
  expect(svg).toContain('held-out logs')
})

test('only what was measured is drawn', () => {
  const figures = { ratio: 10, encodeMBps: 20, decodeMBps: 100 }
  const data = { name: 'mixed', bytes: 1 }
  const speed: Case = {
    ...base,
    kind: 'speed',
    data,
    params: { level: 'fast' },
    ours: figures,
    theirs: { ...figures, ratio: 8 },
  }
  expect(Object.keys(drawAll([]))).toEqual([])
  expect(Object.keys(drawAll([speed]))).toEqual(['compression', 'decompression'])
  expect(Object.values(drawAll([speed])).every((svg) => !svg.includes('NaN'))).toBe(true)
})
