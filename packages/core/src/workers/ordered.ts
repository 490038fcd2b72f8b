import { abortable, throwIfAborted } from '../cancel.ts'
import { PithError } from '../errors.ts'

/** How much of an ordered map may be in work. */
export interface OrderedOptions {
  /** Items that may be in work or done but not taken yet, >= 1. */
  concurrency: number
  signal?: AbortSignal | undefined
}

/**
 * Map items with several calls of `map` at once and give the results in the order of the items. No more than `concurrency`
 * items are held; nothing is pulled while the consumer is behind. After a failure nothing new starts, and the failure of
 * the earliest item is thrown when its turn comes, so the outcome does not depend on timing.
 */
export async function* mapOrdered<T, R>(
  items: AsyncIterable<T> | Iterable<T>,
  map: (item: T, index: number) => Promise<R> | R,
  options: OrderedOptions,
): AsyncGenerator<R, void, undefined> {
  const { concurrency, signal } = options
  if (!(Number.isInteger(concurrency) && concurrency >= 1)) {
    throw new PithError('PITH_ARG', `concurrency must be an integer >= 1, got ${concurrency}`)
  }
  const iterator = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
  const queue: Promise<R>[] = []
  let index = 0
  let ended = false
  let failed = false
  let pull: Promise<'pulled'> | undefined
  let pullError: { error: unknown } | undefined

  const startPull = (): Promise<'pulled'> =>
    Promise.resolve(iterator.next())
      .then(
        (step) => {
          if (step.done) {
            ended = true
            return
          }
          const call = (async () => map(step.value, index++))()
          // Seen when its turn comes; marked here so that nothing more starts and no rejection is left unhandled.
          call.catch(() => {
            failed = true
          })
          queue.push(call)
        },
        (error: unknown) => {
          ended = true
          pullError = { error }
        },
      )
      .then(() => {
        pull = undefined
        return 'pulled' as const
      })

  try {
    for (;;) {
      throwIfAborted(signal)
      if (!ended && !failed && queue.length < concurrency) pull ??= startPull()
      const first = queue[0]
      if (first === undefined) {
        if (pull === undefined) break
        await abortable(pull, signal)
        continue
      }
      const turn = first.then((value) => ({ value }))
      const next = await abortable(pull === undefined ? turn : Promise.race([turn, pull]), signal)
      if (next === 'pulled') continue
      queue.shift()
      yield next.value
    }
    if (pullError !== undefined) throw pullError.error
  } finally {
    if (!ended) {
      const returned = Promise.resolve(iterator.return?.())
      // A generator that waits for its input returns only after that: do not wait with it.
      if (pull === undefined) await returned
      else returned.catch(() => {})
    }
  }
}
