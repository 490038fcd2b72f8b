/** Rows to learn from that need not all be in memory, and batches of them in an order that a seed fixes. */
import { PithError, Random } from '@pith/core'
import { type Spec, Tensor } from '../../tensor.ts'
import { type BatchOptions, type BatchSource, batchesOf, takeRows } from '../batches.ts'
import type { Batch } from '../step.ts'

/** Rows that are fetched when a batch asks for them. */
export interface Rows {
  readonly count: number
  /** Types and shapes of one row, by name. */
  readonly specs: Readonly<Record<string, Spec>>
  /** Some rows, in the order asked for, as tensors with one axis more. */
  take(places: ArrayLike<number>): Promise<Batch>
}

/** Rows of tensors in memory. @throws PithError `PITH_SHAPE` first axes of several lengths */
export function tensorRows(tensors: Batch): Rows {
  const entries = Object.entries(tensors)
  const count = entries[0]?.[1].shape[0] ?? 0
  for (const [name, { shape }] of entries) {
    if (shape[0] === count) continue
    const [first = ''] = Object.keys(tensors)
    throw new PithError('PITH_SHAPE', `${first} has ${count} rows, ${name} ${shape[0] ?? 'none'}`, {
      hint: 'Give each array as many rows along its first axis.',
    })
  }
  return {
    count,
    specs: Object.fromEntries(entries.map(([name, { dtype, shape }]) => [name, { dtype, shape: shape.slice(1) }])),
    take: async (places) => takeRows(tensors, places),
  }
}

/** Some of the rows. @param places  of the rows that there are then, in order */
export function someRows(rows: Rows, places: Int32Array): Rows {
  return {
    ...rows,
    count: places.length,
    take: (own) => rows.take(Int32Array.from({ length: own.length }, (_, i) => places[own[i] as number] as number)),
  }
}

/**
 * Batches of rows, in the order of `batchesOf`.
 *
 * @throws PithError `PITH_SHAPE` fewer rows than a batch has
 */
export function batchesFrom(rows: Rows, options: BatchOptions): BatchSource {
  const places = batchesOf({ place: placesTensor(rows.count) }, options)
  const batches = async function* (from: number): AsyncGenerator<Batch, void, undefined> {
    for (const { place } of places(from)) yield await rows.take((place as Tensor).data as Int32Array)
  }
  return (from) => ({ [Symbol.asyncIterator]: () => batches(from) })
}

function placesTensor(count: number): Tensor {
  return new Tensor(places(count), [count], 'i32')
}

function places(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, row) => row)
}

/**
 * Two parts of rows, drawn by a seed: the validation gets about a share of them, in whole batches, one at least.
 *
 * @throws PithError `PITH_ARG` one of the parts is left without a batch
 */
export function splitBatches(
  rows: Rows,
  { share, size, seed = 0 }: { share: number; size: number; seed?: number },
): { train: Rows; validation: Rows } {
  const cut = size * Math.max(1, Math.round((rows.count * share) / size))
  if (!(share > 0 && share < 1) || rows.count - cut < size) {
    throw new PithError(
      'PITH_ARG',
      `a share of ${share} of ${rows.count} rows, in batches of ${size}, leaves no batch`,
      {
        hint: 'Take smaller batches or another share.',
      },
    )
  }
  const order = places(rows.count)
  new Random(seed).shuffle(order)
  return { train: someRows(rows, order.slice(cut)), validation: someRows(rows, order.slice(0, cut)) }
}
