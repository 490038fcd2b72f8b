import { expect, test } from 'vitest'
import { curveCsv, curveSvg, drawCurve, endsOf, lossText } from './loss-curve.ts'

test('a curve is drawn in straight steps', () => {
  const losses = [4, 3, 2, 1]
  expect(drawCurve({ losses, measured: [{ step: 4, loss: 4 }] }, 60, 4)).toEqual([
    '4.0000 |*  o',
    '       | *',
    '       |  *',
    '1.0000 |   *',
    '       +----',
    '        1  4',
  ])
})

test('columns are means, and what falls far is drawn over its logarithm', () => {
  const losses = Array.from({ length: 8 }, (_, i) => 10 ** -Math.floor(i / 2))
  expect(drawCurve({ losses, measured: [] }, 4, 4)).toEqual([
    '1.0000 |*',
    '       | *',
    '0.0316 |  *',
    '0.0010 |   *',
    '       +----',
    '        1  8',
  ])
})

test('numbers that are none are left out, a flat curve lies below', () => {
  expect(drawCurve({ losses: [Number.NaN, Number.POSITIVE_INFINITY], measured: [] })).toEqual([])
  expect(drawCurve({ losses: [1, Number.NaN, 1], measured: [] }, 9, 3)).toEqual([
    '1.0000 |',
    '       |',
    '1.0000 |* *',
    '       +---',
    '        1 3',
  ])
})

test('losses have four digits that count', () => {
  expect([0, 0.5, 12.3456, 1234.5, 123456, 1e-5, Number.NaN].map(lossText)).toEqual([
    '0.0000',
    '0.5000',
    '12.346',
    '1234.5',
    '1.235e+5',
    '1.000e-5',
    'NaN',
  ])
  expect(endsOf([5, ...Array(30).fill(2), 1, 1, 1])).toEqual({ first: 5, last: 1 })
})

test('files of a curve', () => {
  const curve = { losses: [2, 1.5, 1], measured: [{ step: 2, loss: 1.75 }] }
  expect(curveCsv(curve)).toBe('step,loss,validation\n1,2,\n2,1.5,1.75\n3,1,\n')
  const svg = curveSvg(curve)
  expect(svg).toContain('<polyline points="64.0,24.0 344.0,172.0 624.0,320.0"')
  expect(svg).toContain('<polyline points="344.0,98.0"')
  expect(curveSvg({ losses: Array.from({ length: 5000 }, (_, i) => 1 / (i + 1)), measured: [] }).length).toBeLessThan(
    20_000,
  )
})
