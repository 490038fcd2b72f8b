/** Centroids of all parts of turned rows, and what training agrees on. */
import type { Coding } from './coder.ts'
import { makeKernels } from './memory.ts'
import type { PqPool } from './pool.ts'
import { Turner } from './turn.ts'
import type { PqBits } from './types.ts'

/** What is learned. */
export interface Shape {
  readonly padded: number
  readonly m: number
  readonly bits: PqBits
  readonly iters: number
  readonly seed: number
}

/** Rows that are turned at once. */
const CHUNK = 1024

/** How centred rows of a shape are coded. */
export function codingOf(shape: Shape, rotation: Float32Array | undefined, encoding: Float32Array): Coding {
  const { padded, m, bits } = shape
  return { dim: padded, padded, m, bits, mean: new Float32Array(padded), rotation, encoding }
}

/**
 * Centroids f32[m, 2^bits, padded / m].
 *
 * @param x f32[n, padded], centred
 * @param done is told how many parts are done
 */
export async function learnCentroids(
  x: Float32Array,
  rotation: Float32Array | undefined,
  shape: Shape,
  pool: PqPool,
  done: (parts: number) => void = () => {},
): Promise<Float32Array> {
  const { padded, m, bits, iters, seed } = shape
  const width = padded / m
  const count = 1 << bits
  const parts = partsOf(x, rotation, shape)
  const size = parts.length / m
  const out = new Float32Array(m * count * width)
  let ready = 0
  const one = async (part: number): Promise<void> => {
    const own = parts.slice(part * size, (part + 1) * size)
    const payload = { x: own, width, count, iters, seed, part }
    out.set(await pool.run('cluster', payload, { transfer: [own.buffer] }), part * count * width)
    done(++ready)
  }
  await Promise.all(Array.from({ length: m }, (_, part) => one(part)))
  return out
}

/** Turned rows, part by part: f32[m, n, width]. */
function partsOf(x: Float32Array, rotation: Float32Array | undefined, shape: Shape): Float32Array {
  const { padded, m } = shape
  const width = padded / m
  const n = x.length / padded
  const out = new Float32Array(x.length)
  const kernels = makeKernels()
  const turner = new Turner(kernels, { dim: padded, padded, mean: new Float32Array(padded), rotation })
  for (let first = 0; first < n; first += CHUNK) {
    const rows = Math.min(CHUNK, n - first)
    const mark = kernels.memory.mark()
    const at = turner.turn(x.subarray(first * padded, (first + rows) * padded), rows, false)
    const turned = new Float32Array(kernels.memory.buffer, at, rows * turner.stride)
    for (let i = 0; i < rows; i++) {
      for (let s = 0; s < m; s++) {
        const from = i * turner.stride + s * width
        out.set(turned.subarray(from, from + width), (s * n + first + i) * width)
      }
    }
    kernels.memory.release(mark)
  }
  return out
}
