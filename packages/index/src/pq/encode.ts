/** Codes of rows, and what codes stand for. */
import { meterProgress, PithError, type Run } from '@pith/core'
import type { DenseMatrix } from '../types.ts'
import { type Coding, unpackNibbles } from './coder.ts'
import { makeKernels } from './memory.ts'
import { pqPool } from './pool.ts'
import { codeBytes } from './pq-index.ts'
import { eachTask } from './rows.ts'
import { Turner } from './turn.ts'
import type { Pq, PqCodes } from './types.ts'
import { checkMatrix, normalizeRows } from './vectors.ts'

/** Rows that are turned at once. */
const CHUNK = 1024

/**
 * Codes of rows by the centroids of `encoding`. The same row gives the same code, alone or among others, now or later.
 *
 * @throws PithError `PITH_SHAPE` rows of another length · `PITH_NONFINITE`; the abort reason
 */
export async function encodePq(pq: Pq, x: DenseMatrix, run: Run = {}): Promise<PqCodes> {
  checkRows(pq, x, 'encodePq')
  const { dim, padded, mean, rotation, m, bits, encoding } = pq
  const coding: Coding = { dim, padded, mean, rotation, m, bits, encoding }
  const rowBytes = codeBytes(pq)
  const data = new Uint8Array(x.n * rowBytes)
  const pool = pqPool(run)
  const meter = meterProgress(run, { stage: 'encode-pq', unit: 'rows', total: x.n })
  try {
    const work = (first: number, end: number): Promise<Uint8Array> => {
      const own = x.data.slice(first * dim, end * dim)
      if (pq.metric === 'cos') normalizeRows(own, dim)
      return pool.run('encode', { coding, data: own }, { transfer: [own.buffer] })
    }
    for await (const { first, end, result } of eachTask(x.n, pool, run.signal, work)) {
      data.set(result, first * rowBytes)
      meter.update(end)
    }
    meter.finish()
    return { n: x.n, rowBytes, data }
  } finally {
    await pool.close()
  }
}

/**
 * Rows as a quantiser sees them: f32[n, padded], turned.
 *
 * @param centred whether the mean is taken away, as it is from rows, and from queries where the metric is the distance. Default true
 */
export function turnRows(pq: Pq, x: DenseMatrix, centred = true): DenseMatrix {
  checkRows(pq, x, 'turnRows')
  const { dim, padded } = pq
  const kernels = makeKernels()
  const turner = new Turner(kernels, pq)
  const out = new Float32Array(x.n * padded)
  for (let first = 0; first < x.n; first += CHUNK) {
    const own = x.data.slice(first * dim, Math.min(x.n, first + CHUNK) * dim)
    if (pq.metric === 'cos') normalizeRows(own, dim)
    const mark = kernels.memory.mark()
    const rows = own.length / dim
    const at = turner.turn(own, rows, centred)
    const turned = new Float32Array(kernels.memory.buffer, at, rows * turner.stride)
    for (let i = 0; i < rows; i++) {
      out.set(turned.subarray(i * turner.stride, i * turner.stride + padded), (first + i) * padded)
    }
    kernels.memory.release(mark)
  }
  return { n: x.n, dim: padded, data: out }
}

/** A code of a byte for each part, u8[n, m]. */
export function partCodes(pq: Pq, codes: PqCodes): Uint8Array {
  return pq.bits === 4 ? unpackNibbles(codes.data, pq.m) : codes.data
}

/** What codes stand for by the centroids of `encoding`: f32[n, dim], turned back. */
export function decodePq(pq: Pq, codes: PqCodes): DenseMatrix {
  const { dim, padded, m, bits, encoding, rotation, mean } = pq
  const width = padded / m
  const own = partCodes(pq, codes)
  const out = new Float32Array(codes.n * dim)
  const row = new Float32Array(padded)
  for (let i = 0; i < codes.n; i++) {
    for (let s = 0; s < m; s++) {
      const from = ((s << bits) + (own[i * m + s] as number)) * width
      row.set(encoding.subarray(from, from + width), s * width)
    }
    for (let j = 0; j < dim; j++) {
      let value = rotation === undefined ? (row[j] as number) : 0
      if (rotation !== undefined) {
        for (let k = 0; k < padded; k++) value += (row[k] as number) * (rotation[j * padded + k] as number)
      }
      out[i * dim + j] = value + (mean[j] as number)
    }
  }
  return { n: codes.n, dim, data: out }
}

function checkRows(pq: Pq, x: DenseMatrix, what: string): void {
  checkMatrix(x, what)
  if (x.dim === pq.dim) return
  throw new PithError('PITH_SHAPE', `${what}: rows of ${x.dim} numbers, the quantiser codes ${pq.dim}`)
}
