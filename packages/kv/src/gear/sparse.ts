/** Outliers that are kept as they are, and taken out before the rest is rounded (GEAR, section 3). */
import type { Axis, Rows } from './groups.ts'
import { nearestHalves } from './halves.ts'

/** Numbers at places. */
export interface Sparse {
  /** Rising places in f32[tokens, heads * headDim]. */
  readonly places: Uint32Array
  /** Half precision holds them. */
  readonly values: Float32Array
}

/**
 * Take out the largest and the smallest numbers of each vector: of each channel over the tokens (keys), or of each token over
 * the channels (values). Where a vector is too short for one of each, those that are furthest from its mean are taken, over
 * all vectors.
 *
 * @param share of all numbers, 0..1
 * @returns the outliers, and rows in which the mean of the rest of their vector stands in their places
 */
export function takeOutliers(rows: Rows, axis: Axis, share: number): { sparse: Sparse; rest: Float32Array } {
  const { data, tokens, heads, headDim } = rows
  const width = heads * headDim
  const [vectors, length, step, stride] = axis === 'channel' ? [width, tokens, 1, width] : [tokens, width, width, 1]
  const each = Math.round((length * share) / 2)
  const chosen =
    each >= 1
      ? extremes(data, vectors, length, step, stride, each)
      : furthest(data, vectors, length, step, stride, Math.round(share * data.length))
  const places = Uint32Array.from(chosen).sort()
  const rest = Float32Array.from(data)
  const isOut = new Uint8Array(data.length)
  for (const place of places) isOut[place] = 1
  for (let v = 0; v < vectors; v++) {
    let sum = 0
    let count = 0
    for (let i = 0; i < length; i++) {
      const at = v * step + i * stride
      if (isOut[at] === 1) continue
      sum += data[at] as number
      count++
    }
    const mean = count === 0 ? 0 : sum / count
    for (let i = 0; i < length; i++) if (isOut[v * step + i * stride] === 1) rest[v * step + i * stride] = mean
  }
  const values = nearestHalves(Float32Array.from(places, (place) => data[place] as number))
  return { sparse: { places, values }, rest }
}

/** Put outliers back in their places. */
export function putOutliers({ places, values }: Sparse, out: Float32Array): void {
  for (const [i, place] of places.entries()) out[place] = values[i] as number
}

function extremes(
  data: Float32Array,
  vectors: number,
  length: number,
  step: number,
  stride: number,
  each: number,
): number[] {
  const chosen: number[] = []
  for (let v = 0; v < vectors; v++) {
    const order = Array.from({ length }, (_, i) => v * step + i * stride)
    order.sort((a, b) => (data[a] as number) - (data[b] as number) || a - b)
    const taken = Math.min(each, Math.floor(length / 2))
    chosen.push(...order.slice(0, taken), ...order.slice(length - taken))
  }
  return chosen
}

function furthest(
  data: Float32Array,
  vectors: number,
  length: number,
  step: number,
  stride: number,
  count: number,
): number[] {
  const distance = new Float64Array(data.length)
  for (let v = 0; v < vectors; v++) {
    let mean = 0
    for (let i = 0; i < length; i++) mean += (data[v * step + i * stride] as number) / length
    for (let i = 0; i < length; i++) {
      const at = v * step + i * stride
      distance[at] = Math.abs((data[at] as number) - mean)
    }
  }
  const order = Array.from(data.keys())
  order.sort((a, b) => (distance[b] as number) - (distance[a] as number) || a - b)
  return order.slice(0, count)
}
