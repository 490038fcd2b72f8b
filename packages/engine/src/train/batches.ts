/** Batches from tensors in memory, in an order that a seed fixes and that can be entered anywhere. */
import { PithError, Random } from '@pith/core'
import { type Data, makeData } from '../dtype.ts'
import { sizeOf } from '../shape.ts'
import { specText, Tensor } from '../tensor.ts'
import type { Batch } from './step.ts'

/** Batches from number `from` (0 is the first) on: what a resumed training asks for. */
export type BatchSource = (from: number) => AsyncIterable<Batch> | Iterable<Batch>

/** Settings of {@link batchesOf}. */
export interface BatchOptions {
  /** Rows of a batch; what is left of an epoch is not used. */
  size: number
  /** Of the order of each epoch. Default 0. */
  seed?: number
  /** Whether each epoch has an order of its own. Default true. */
  isShuffled?: boolean
  /** Epochs until the source ends. Default without end. */
  epochs?: number
}

/**
 * Batches of the rows of tensors.
 *
 * @param rows  tensors whose first axes have one length
 * @throws PithError `PITH_SHAPE` lengths differ, or fewer rows than a batch has
 */
export function batchesOf(rows: Batch, options: BatchOptions): (from: number) => Iterable<Batch> {
  const { size, seed = 0, isShuffled = true, epochs = Number.POSITIVE_INFINITY } = options
  const count = rowsOf(rows)
  if (!(Number.isInteger(size) && size >= 1 && size <= count)) {
    throw new PithError('PITH_SHAPE', `a batch of ${size} rows is asked for, there are ${count}`)
  }
  const perEpoch = Math.floor(count / size)
  const batches = function* (from: number): Generator<Record<string, Tensor>, void, undefined> {
    for (let epoch = Math.floor(from / perEpoch), i = from % perEpoch; epoch < epochs; epoch++, i = 0) {
      const order = Int32Array.from({ length: count }, (_, row) => row)
      if (isShuffled) new Random(seed).split(epoch).shuffle(order)
      for (; i < perEpoch; i++) yield takeRows(rows, order.subarray(i * size, (i + 1) * size))
    }
  }
  // To be gone through more than once: a validation does so.
  return (from) => ({ [Symbol.iterator]: () => batches(from) })
}

/**
 * Two parts of the rows of tensors, drawn by a seed.
 *
 * @param share  part of the rows, in (0, 1), that goes to the validation; one row at least
 */
export function splitRows(rows: Batch, share: number, seed: number = 0): { train: Batch; validation: Batch } {
  const count = rowsOf(rows)
  const cut = Math.max(1, Math.round(count * share))
  if (!(share > 0 && cut < count)) {
    throw new PithError('PITH_ARG', `a share of ${share} of ${count} rows leaves nothing to one of the parts`)
  }
  const order = Int32Array.from({ length: count }, (_, row) => row)
  new Random(seed).shuffle(order)
  return { train: takeRows(rows, order.subarray(cut)), validation: takeRows(rows, order.subarray(0, cut)) }
}

/** The rows of tensors at some places, copied. */
export function takeRows(rows: Batch, places: ArrayLike<number>): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(rows).map(([name, { data, shape, dtype }]) => {
      const width = sizeOf(shape.slice(1))
      const out = makeData(dtype, places.length * width)
      copyRows(out, data, places, width)
      return [name, new Tensor(out, [places.length, ...shape.slice(1)], dtype)]
    }),
  )
}

function copyRows(out: Data, data: Data, places: ArrayLike<number>, width: number): void {
  for (let i = 0; i < places.length; i++) {
    const start = (places[i] as number) * width
    const part = (data as Float32Array).subarray(start, start + width)
    ;(out as Float32Array).set(part, i * width)
  }
}

function rowsOf(rows: Batch): number {
  const [first, ...others] = Object.entries(rows)
  const count = first?.[1].shape[0] ?? 0
  for (const [name, tensor] of first === undefined ? [] : [first, ...others]) {
    const isPacked = tensor.dtype === 'i4' || tensor.dtype === 'u4' || tensor.dtype === 'string'
    if (tensor.shape[0] === count && !isPacked) continue
    throw new PithError('PITH_SHAPE', `${name} is ${specText(tensor)}, ${count} rows of numbers are needed`)
  }
  return count
}
