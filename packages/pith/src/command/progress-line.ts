import { formatBytes, formatCount, formatDuration, type Output, type Progress } from '@pith/core'

/** A call that is over sooner shows nothing. */
const SHOW_AFTER_MS = 400

/** One line on a terminal that is drawn over and over. */
export class ProgressLine {
  readonly #output: Output
  readonly #started: number = performance.now()
  #drawn = false

  constructor(output: Output) {
    this.#output = output
  }

  draw(progress: Progress): void {
    const elapsed = performance.now() - this.#started
    if (elapsed < SHOW_AFTER_MS) return
    const line = progressText(progress, elapsed / 1000).slice(0, this.#output.columns - 1)
    this.#drawn = true
    void this.#output.write(`\r\x1b[K${line}`).then(() => this.#output.flush())
  }

  /** Take the line away, before anything else is written. */
  async clear(): Promise<void> {
    if (!this.#drawn) return
    this.#drawn = false
    await this.#output.write('\r\x1b[K')
    await this.#output.flush()
  }
}

/** What the line says: stage, share, amount, speed and the time left. */
export function progressText(progress: Progress, seconds: number): string {
  const { stage, done, total, unit } = progress
  const amount = (value: number): string => (unit === 'bytes' ? formatBytes(value) : `${formatCount(value)} ${unit}`)
  const speed = unit === 'bytes' && seconds > 0 ? `  ${formatBytes(done / seconds)}/s` : ''
  if (total === undefined) return `${stage}  ${amount(done)}${speed}`
  const share = total === 0 ? 100 : Math.floor((100 * done) / total)
  const left = done > 0 && done < total ? `  ${formatDuration((1000 * seconds * (total - done)) / done)} left` : ''
  return `${stage} ${share} %  ${amount(done)} of ${amount(total)}${speed}${left}`
}
