/** Whether the same training gives the same bits: again, on two threads, and after a checkpoint. */
import {
  adamw,
  type Batch,
  compileTrainStep,
  f32,
  i64,
  ops,
  restoreState,
  saveState,
  Tensor,
  type TrainStep,
  type Value,
} from '@pith/engine'
import type { AcceptContext } from '../measure/accept.ts'
import { randomBatch, smallSize, startOf } from './language-model.ts'
import { compileLanguageModel } from './train-step.ts'

const STEPS = 50
const REPEATS = 20

/** A training that can be made again, and its batches. */
interface Training {
  readonly name: string
  make(threads: number): Promise<TrainStep>
  batch(index: number): Batch
}

/** The language model of 128, on tokens of which most come many times in each batch. */
function languageTraining(): Training {
  const size = smallSize(128)
  const params = startOf(size)
  return {
    name: 'language model',
    make: (threads) => compileLanguageModel(size, params, threads),
    batch: (index) => {
      const { ids, next } = randomBatch(size, index)
      const fewer = ({ data, shape }: Tensor): Tensor =>
        new Tensor(
          BigInt64Array.from(data as BigInt64Array, (id) => (id * id) / BigInt(size.vocabulary)),
          shape,
        )
      return { ids: fewer(ids), next: fewer(next) }
    },
  }
}

/** Rows of a value taken at 8,192 places, of which there are 40, and added up there: each sum has hundreds of terms, forth and back. */
function scatterTraining(): Training {
  const [rows, width, taken] = [512, 64, 8192]
  const w = new Tensor(
    Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i)),
    [rows, width],
  )
  return {
    name: 'gather and scatter',
    make: (threads) =>
      compileTrainStep(
        (own, { places, x }) => {
          const table = ops.tanh(own['w'] as Value)
          const given = ops.gatherRows(table, places as Value)
          const sums = ops.scatterAddRows(rows, places as Value, ops.mul(given, x as Value))
          return ops.mean(ops.square(ops.add(table, sums)))
        },
        {
          params: { w },
          batch: { places: i64(taken), x: f32(taken, width) },
          optimizer: adamw({ lr: 1e-2 }),
          clip: { norm: 1 },
          threads,
        },
      ),
    batch: (index) => ({
      places: new Tensor(BigInt64Array.from({ length: taken }, (_, i) => BigInt((i * i + 7 * index) % 40))),
      x: new Tensor(
        Float32Array.from({ length: taken * width }, (_, i) => Math.cos(i + index)),
        [taken, width],
      ),
    }),
  }
}

/** Weights and moments as they are, bit for bit. */
function bitsOf(step: TrainStep): Uint32Array[] {
  return [step.store.weights, ...Object.values(step.moments)].map((flat) => new Uint32Array(flat.slice().buffer))
}

/** Elements that differ. */
function differences(a: readonly Uint32Array[], b: readonly Uint32Array[]): number {
  let count = 0
  for (const [k, list] of a.entries()) for (const [i, bits] of list.entries()) if (bits !== b[k]?.[i]) count++
  return count
}

async function run(step: TrainStep, batches: readonly Batch[], from: number, to: number): Promise<void> {
  for (const batch of batches.slice(from, to)) await step.step(batch)
}

/** 50 steps 20 times, on one thread and two in turn, and 10 + 10 steps over a checkpoint as often. */
export async function acceptDeterminism(context: AcceptContext): Promise<void> {
  const repeats = Math.max(2, Math.round(REPEATS * context.scale))
  for (const training of [languageTraining(), scatterTraining()]) {
    const batches = Array.from({ length: STEPS }, (_, i) => training.batch(i))
    let wanted: Uint32Array[] | undefined
    let unequal = 0
    for (let repeat = 0; repeat < repeats; repeat++) {
      const step = await training.make(1 + (repeat % 2))
      await run(step, batches, 0, STEPS)
      const bits = bitsOf(step)
      wanted ??= bits
      unequal += differences(bits, wanted)
      await step.dispose()
    }
    const name = `${training.name}: ${STEPS} steps ${repeats} times, on one thread and two`
    context.check(name, unequal === 0, `${unequal} elements differ`)
    await acceptResume(context, training, batches, repeats)
  }
}

async function acceptResume(
  context: AcceptContext,
  training: Training,
  batches: readonly Batch[],
  repeats: number,
): Promise<void> {
  const whole = await training.make(1)
  await run(whole, batches, 0, 20)
  const wanted = bitsOf(whole)
  await whole.dispose()
  let unequal = 0
  for (let repeat = 0; repeat < repeats; repeat++) {
    const first = await training.make(1)
    await run(first, batches, 0, 10)
    const files = saveState(first)
    await first.dispose()
    const second = await training.make(1 + (repeat % 2))
    await restoreState(second, files)
    await run(second, batches, 10, 20)
    unequal += differences(bitsOf(second), wanted)
    await second.dispose()
  }
  context.check(`${training.name}: 10 + 10 steps as 20, ${repeats} times`, unequal === 0, `${unequal} elements differ`)
}
