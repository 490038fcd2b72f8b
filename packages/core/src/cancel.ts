/**
 * Throw the abort reason, as it is, where the call was cancelled.
 *
 * @param signal  the signal of a {@link Run}, if it has one
 */
export function throwIfAborted(signal?: AbortSignal): void {
  if (signal?.aborted) throw signal.reason
}

/**
 * Wait for `promise`, but no longer than until the signal fires: then reject with its reason, unwrapped. The work behind
 * the promise is not stopped by this; a late failure of it is ignored.
 */
export function abortable<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return promise
  return new Promise<T>((resolve, reject) => {
    const release = onAbort(signal, reject)
    promise.then(resolve, reject).finally(release)
  })
}

/**
 * Call `listener` with the reason once the signal fires, at once if it has fired.
 *
 * @returns a function that takes the listener away
 */
export function onAbort(signal: AbortSignal | undefined, listener: (reason: unknown) => void): () => void {
  if (signal === undefined) return () => {}
  if (signal.aborted) {
    listener(signal.reason)
    return () => {}
  }
  const fire = (): void => listener(signal.reason)
  signal.addEventListener('abort', fire, { once: true })
  return () => signal.removeEventListener('abort', fire)
}

/**
 * The same items, but a wait for the next one ends with the signal, even where its source never answers (a quiet pipe).
 * Leaving early closes the source.
 */
export async function* untilAborted<T>(
  items: AsyncIterable<T>,
  signal?: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const iterator = items[Symbol.asyncIterator]()
  let waiting = false
  let ended = false
  try {
    for (;;) {
      throwIfAborted(signal)
      waiting = true
      const step = await abortable(Promise.resolve(iterator.next()), signal)
      waiting = false
      if (step.done) {
        ended = true
        return
      }
      yield step.value
    }
  } finally {
    if (!ended) {
      const closed = Promise.resolve(iterator.return?.())
      // A generator closes only when its own wait is over: do not wait with it.
      if (waiting) closed.catch(() => {})
      else await closed
    }
  }
}
