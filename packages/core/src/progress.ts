import type { Progress, Run } from './run.ts'

/** Shortest time between two reports; with the first and the last this stays within 20 a second. */
const INTERVAL_MS = 60

/** Reports the progress of one stage. */
export interface ProgressMeter {
  /** Say how much is done; smaller values than before are ignored. */
  update(done: number): void
  /** Say that the stage is complete; the last report has `done === total`. */
  finish(): void
}

/** The stage whose progress is reported. */
export interface ProgressOptions {
  stage: string
  unit: Progress['unit']
  /** Expected amount, where it is known. */
  total?: number
}

const SILENT: ProgressMeter = /* @__PURE__ */ Object.freeze({ update() {}, finish() {} })

/**
 * Report progress to `run.onProgress`: first `done: 0`, then rising values at most 20 times a second, last `done === total`.
 * What the callback throws goes to the caller. The clock decides only which reports are left out.
 */
export function meterProgress(run: Run | undefined, options: ProgressOptions): ProgressMeter {
  const report = run?.onProgress
  if (report === undefined) return SILENT
  const { stage, unit } = options
  let total = options.total
  let done = 0
  let reported = 0
  let finished = false
  let last = performance.now()
  const send = (): void => {
    reported = done
    report(total === undefined ? { stage, done, unit } : { stage, done, total, unit })
  }
  send()
  return {
    update(value) {
      if (finished || !(value > done)) return
      done = total === undefined ? value : Math.min(value, total)
      if (done === reported || done === total) return
      const now = performance.now()
      if (now - last < INTERVAL_MS) return
      last = now
      send()
    },
    finish() {
      if (finished) return
      finished = true
      total ??= done
      done = total
      send()
    },
  }
}
