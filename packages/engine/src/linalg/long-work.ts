/** Long decompositions as work that stops between two steps and goes on from there: after a while, in a worker, from a file. */
import { crc32c, meterProgress, PithError, type Run, throwIfAborted } from '@pith/core'
import { type EngineWorkerOptions, openWorker } from '../engine-worker.ts'
import { type Params, Tensor } from '../tensor.ts'
import { pause } from './pace.ts'

/** Where a decomposition stands: plain data, which can be moved to a worker or written down. */
export interface LongWork {
  readonly kind: 'eigh' | 'cholesky'
  /** Rows of the matrix. */
  readonly n: number
  /** Numbers that say where it stands. */
  readonly place: Record<string, number>
  /** All arrays by name; a name keeps its type and length. */
  readonly arrays: Record<string, Float64Array | Int32Array>
}

/** Options of decompositions that take long. */
export interface LongOptions extends Run, Pick<EngineWorkerOptions, 'spawn'> {
  /** Do the work in a worker, so that the calling thread can answer and an abort frees the processor at once. Default false. */
  responsive?: boolean
  /** Give the state of the work away, after each `every` steps of those that progress counts: `writeSafetensors` takes it. */
  checkpoint?: { readonly every: number; save(state: Params): void | Promise<void> }
  /** Go on from a state that `checkpoint` gave for the same matrix; the result has the same bits. */
  from?: Params
}

/** Time until a worker hands the work back, to tell how far it is. */
const WORKER_MS = 200
/** Time until other tasks of the calling thread have a turn. */
const BREATH_MS = 12

/** Says so once some time has passed. The clock decides only when to pause, never the result. */
function after(ms: number): () => boolean {
  const end = performance.now() + ms
  return () => performance.now() >= end
}

/** How work of a kind goes on, and how many steps of it are done. */
export interface LongKind {
  /** Work on until `isOver` says so. @returns whether it is finished */
  advance(work: LongWork, isOver: () => boolean): boolean
  doneOf(work: LongWork): number
  /** Steps of the whole. */
  totalOf(n: number): number
  /** Whether numbers that came from outside are such that the work ends, within its arrays. */
  isSound(work: LongWork): boolean
}

/** A slice of work within a worker. @returns whether it is finished */
export function advanceSlice(work: LongWork, kind: LongKind): boolean {
  return kind.advance(work, after(WORKER_MS))
}

/** The memory of work, which moves with it. */
export function memoryOf({ arrays }: LongWork): ArrayBuffer[] {
  return Object.values(arrays).map(({ buffer }) => buffer as ArrayBuffer)
}

/** A number that tells one matrix from another. */
export function fingerprintOf(data: Float64Array): number {
  return crc32c(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
}

/** Do all of it. @returns the finished work, whose arrays may be others */
export async function runLong(start: LongWork, kind: LongKind, options: LongOptions): Promise<LongWork> {
  const { signal, checkpoint, responsive = false, spawn } = options
  if (checkpoint !== undefined && !(Number.isInteger(checkpoint.every) && checkpoint.every >= 1)) {
    throw new PithError('PITH_ARG', `checkpoint.every must be 1 or more, got ${checkpoint.every}`)
  }
  throwIfAborted(signal)
  const meter = meterProgress(options, { stage: start.kind, unit: 'steps', total: kind.totalOf(start.n) })
  const worker = responsive ? openWorker(spawn === undefined ? {} : { spawn }, false) : undefined
  let work = start
  let saved = kind.doneOf(work)
  try {
    for (;;) {
      let isFinished: boolean
      if (worker === undefined) {
        isFinished = kind.advance(work, after(BREATH_MS))
      } else {
        const transfer = memoryOf(work)
        const call = signal === undefined ? { transfer } : { signal, transfer }
        const slice = await worker.run('advanceLong', work, call)
        work = slice.work
        isFinished = slice.isFinished
      }
      if (isFinished) break
      const done = kind.doneOf(work)
      meter.update(done)
      if (checkpoint !== undefined && done - saved >= checkpoint.every) {
        await checkpoint.save(stateOf(work))
        saved = done
      }
      if (worker === undefined) await pause()
      throwIfAborted(signal)
    }
  } finally {
    await worker?.close()
  }
  meter.finish()
  return work
}

/** A copy of where work stands, as tensors. */
export function stateOf({ kind, n, place, arrays }: LongWork): Params {
  const names = Object.keys(place)
  const numbers = Float64Array.from([n, ...names.map((name) => place[name] as number)])
  const copies = Object.entries(arrays).map(([name, array]): [string, Tensor] => [name, new Tensor(array.slice())])
  return { [`${kind}.place`]: new Tensor(numbers), ...Object.fromEntries(copies) }
}

/**
 * Bring work that has just begun to a saved state.
 *
 * @param work  as it begins for the same matrix
 * @param same  numbers of `place` that are of the matrix, and must agree
 * @throws PithError `PITH_ARG` the state of something else
 */
export function restoreWork(work: LongWork, kind: LongKind, state: Params, same: readonly string[]): void {
  const { n, place, arrays } = work
  const numbers = state[`${work.kind}.place`]?.data
  const names = Object.keys(place)
  const isWhole =
    numbers instanceof Float64Array &&
    numbers.length === names.length + 1 &&
    numbers[0] === n &&
    numbers.every((number) => number >= 0 && Number.isFinite(number)) &&
    same.every((name) => numbers[names.indexOf(name) + 1] === place[name]) &&
    Object.entries(arrays).every(([name, array]) => {
      const data = state[name]?.data
      return data?.constructor === array.constructor && data.length === array.length
    })
  if (isWhole) {
    for (const [i, name] of names.entries()) place[name] = numbers[i + 1] as number
    for (const [name, array] of Object.entries(arrays)) array.set((state[name] as Tensor).data as Float64Array)
    if (kind.isSound(work)) return
  }
  throw new PithError('PITH_ARG', `the state is not one of ${work.kind} for this matrix`, {
    hint: 'Give the matrix and the options that it was begun with, or begin anew.',
  })
}

/** Whether a number counts from 0 to `most`. */
export function isCountTo(value: number | undefined, most: number): boolean {
  return value !== undefined && Number.isInteger(value) && value >= 0 && value <= most
}
