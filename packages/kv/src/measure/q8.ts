/** The 8-bit cache that all are measured against: each row of a token rounded against its largest number. */
import type { KvCache } from '@pith/lm'
import { nearestHalves } from '../gear/halves.ts'
import { type Scheme, withRows } from './scheme.ts'

/** Bits of a scale. */
const SCALE_BITS = 16

/** Bits of a number of the keys or values of one token: 8 and its share of the scale. */
export function q8Bits({ width }: Pick<KvCache, 'width'>): number {
  return 8 + SCALE_BITS / width
}

/** int8 with one scale of half precision for each token, layer, keys and values. */
export const q8Scheme: Scheme = {
  name: 'q8',
  setting: '8',
  async change(kv) {
    const round = (rows: Float32Array): Float32Array => roundRows(rows, kv.width)
    const bits = 2 * kv.layers * kv.length * kv.width * q8Bits(kv)
    return { kv: withRows(kv, kv.keys.map(round), kv.values.map(round)), bits }
  },
}

function roundRows(rows: Float32Array, width: number): Float32Array {
  const count = rows.length / width
  const most = new Float32Array(count)
  for (let i = 0; i < rows.length; i++) {
    const row = Math.floor(i / width)
    most[row] = Math.max(most[row] as number, Math.abs(rows[i] as number))
  }
  const scales = nearestHalves(most.map((value) => value / 127))
  return rows.map((value, i) => {
    const scale = scales[Math.floor(i / width)] as number
    return scale === 0 ? 0 : Math.max(-127, Math.min(127, Math.round(value / scale))) * scale
  })
}
