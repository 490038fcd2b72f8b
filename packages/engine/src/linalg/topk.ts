/** The largest of many numbers. */
import { PithError } from '@pith/core'
import { checkCount } from './matrix.ts'

/** What {@link topk} gives. */
export interface TopK {
  /** Where they stand; falling values, ties by rising index. */
  readonly indices: Int32Array
  readonly values: Float64Array
}

/**
 * The k largest numbers.
 *
 * @throws PithError `PITH_NONFINITE` a number is NaN (the infinities have their order) · `PITH_ARG` k
 * @complexity n log k
 */
export function topk(x: ArrayLike<number>, k: number): TopK {
  checkCount(k, 0, x.length, 'k')
  // A heap of indices with the worst on top.
  const heap = new Int32Array(k)
  let size = 0
  for (let i = 0; i < x.length; i++) {
    if (Number.isNaN(x[i])) throw new PithError('PITH_NONFINITE', `topk: element ${i} is NaN`)
    if (size < k) {
      heap[size] = i
      for (let at = size++; at > 0; ) {
        const parent = (at - 1) >> 1
        if (!isWorse(x, heap[at], heap[parent])) break
        swap(heap, at, parent)
        at = parent
      }
    } else if (k > 0 && isWorse(x, heap[0], i)) {
      heap[0] = i
      sink(x, heap)
    }
  }
  heap.sort((i, j) => (isWorse(x, i, j) ? 1 : -1))
  return { indices: heap, values: Float64Array.from(heap, (i) => x[i]) }
}

function isWorse(x: ArrayLike<number>, i: number, j: number): boolean {
  return x[i] < x[j] || (x[i] === x[j] && i > j)
}

function sink(x: ArrayLike<number>, heap: Int32Array): void {
  for (let at = 0; ; ) {
    let worst = at
    for (let child = 2 * at + 1; child <= 2 * at + 2 && child < heap.length; child++) {
      if (isWorse(x, heap[child], heap[worst])) worst = child
    }
    if (worst === at) return
    swap(heap, at, worst)
    at = worst
  }
}

function swap(heap: Int32Array, i: number, j: number): void {
  const held = heap[i]
  heap[i] = heap[j]
  heap[j] = held
}
