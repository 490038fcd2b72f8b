/** Points of two classes in the square from -1 to 1. */
import { Random } from '@pith/core'

export type Shape = 'spirals' | 'rings' | 'squares'

/** Points that are drawn. */
export const POINTS = 256
/** Places along each side of the grid that the page colours. */
export const GRID = 48

/** @returns x and y of each point, and its class, 0 or 1 */
export function makePoints(shape: Shape, seed: number): { points: Float32Array; classes: Uint8Array } {
  const random = new Random(seed)
  const points = new Float32Array(2 * POINTS)
  const classes = Uint8Array.from({ length: POINTS }, (_, i) => i % 2)
  for (let i = 0; i < POINTS; i++) {
    const own = classes[i] as number
    const [x, y] = place(shape, own, random.uniform(), random.uniform())
    points[2 * i] = x + 0.03 * random.normal()
    points[2 * i + 1] = y + 0.03 * random.normal()
  }
  return { points, classes }
}

function place(shape: Shape, own: number, u: number, v: number): [x: number, y: number] {
  if (shape === 'squares') {
    const x = 1.8 * u - 0.9
    const y = Math.abs(1.8 * v - 0.9)
    return [x, x < 0 === (own === 0) ? y : -y]
  }
  const turn = 2 * Math.PI * (shape === 'rings' ? v : 0.15 + 1.1 * u + own / 2)
  const radius = shape === 'rings' ? (own === 0 ? 0.35 * Math.sqrt(u) : 0.6 + 0.3 * u) : 0.1 + 0.8 * u
  return [radius * Math.cos(turn), radius * Math.sin(turn)]
}

/** The middles of the places of the grid, row by row from above. */
export function gridPoints(): Float32Array {
  const points = new Float32Array(2 * GRID * GRID)
  const middle = (place: number): number => (2 * place + 1) / GRID - 1
  for (let row = 0; row < GRID; row++) {
    for (let column = 0; column < GRID; column++) {
      points[2 * (row * GRID + column)] = middle(column)
      points[2 * (row * GRID + column) + 1] = -middle(row)
    }
  }
  return points
}
