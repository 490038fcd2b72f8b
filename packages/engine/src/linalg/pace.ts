/** Long loops that stay answerable: they report progress, notice an abort, and let other tasks run in between. */
import { meterProgress, type ProgressMeter, type ProgressOptions, type Run, throwIfAborted } from '@pith/core'

/** Time between two pauses. */
const BREATH_MS = 12

export interface Pace {
  /** Say how much is done; waits only where other tasks have waited long. Rejects with the abort reason. */
  step(done: number): Promise<void> | undefined
  finish(): void
}

/** The pace of one stage of a long call. The clock decides only when to pause, never the result. */
export function keepPace(run: Run, options: ProgressOptions): Pace {
  const meter: ProgressMeter = meterProgress(run, options)
  let last = performance.now()
  throwIfAborted(run.signal)
  return {
    step(done) {
      const now = performance.now()
      if (now - last < BREATH_MS) return undefined
      meter.update(done)
      return pause().then(() => {
        last = performance.now()
        throwIfAborted(run.signal)
      })
    },
    finish() {
      meter.finish()
    },
  }
}

/** Let timers and messages run. A timer of 0 ms is held back by browsers, a message is not. */
export function pause(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(null)
  })
}
