import type { ChunkFacts } from '@pith/text/logzip'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lineAxis, STEPS, Strips, timeAxis } from './strips.ts'
import { squarify } from './treemap.ts'

function chunk(counts: readonly number[], times: readonly (number | undefined)[]): ChunkFacts {
  const lines = counts.reduce((sum, own) => sum + own, 0)
  const template = { text: 'a <num>', count: lines, overTime: [...counts], columns: [1] }
  return { lines, rawBytes: lines, templates: [template], columns: [], stepTimes: [...times] }
}

const steps = fc.array(fc.record({ lines: fc.nat({ max: 50 }), pause: fc.nat({ max: 900 }) }), { minLength: 1 })

describe('strips', () => {
  test('hold every line once, along lines and along time', () => {
    fc.assert(
      fc.property(fc.array(steps, { minLength: 1, maxLength: 4 }), (chunks) => {
        const strips = new Strips()
        let time = 1e12
        let lines = 0
        for (const list of chunks) {
          const times = list.map(({ pause }) => (time += pause))
          lines += list.reduce((sum, step) => sum + step.lines, 0)
          strips.add(
            chunk(
              list.map((step) => step.lines),
              times,
            ),
          )
        }
        for (const axis of [lineAxis(lines), timeAxis({ first: 1e12, last: time, dated: true })]) {
          const strip = strips.over(axis).get('a <num>') ?? []
          expect(strip.reduce((sum, own) => sum + own, 0)).toBeCloseTo(lines, 6)
          expect(strip.every((own) => own >= 0)).toBe(true)
        }
      }),
    )
  })

  test('show when lines come: all of them in the last tenth of the time', () => {
    const strips = new Strips()
    strips.add(chunk([5, 5, 5], [900, 950, 980]))
    const strip = strips.over(timeAxis({ first: 0, last: 1000, dated: true })).get('a <num>') ?? []
    expect(strip.slice(0, (STEPS * 9) / 10).every((own) => own === 0)).toBe(true)
    expect(strip.at(-1)).toBeGreaterThan(0)
  })

  test('times that go back are not an axis', () => {
    const strips = new Strips()
    strips.add(chunk([1, 1, 1, 1], [100, 50, 100, 50]))
    expect(strips.inOrder).toBe(false)
  })
})

test('a treemap fills its box, and each weight has its share', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1e6 }), { minLength: 1, maxLength: 60 }), (list) => {
      const weights = list.sort((a, b) => b - a)
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      const boxes = squarify(weights, { x: 10, y: 20, width: 1000, height: 460 })
      for (const [i, { x, y, width, height }] of boxes.entries()) {
        expect((width * height) / 460_000).toBeCloseTo(weights[i]! / total, 6)
        expect(x).toBeGreaterThan(9.99)
        expect(y).toBeGreaterThan(19.99)
        expect(x + width).toBeLessThan(1010.01)
        expect(y + height).toBeLessThan(480.01)
      }
    }),
  )
})
