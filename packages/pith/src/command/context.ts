import type { Arguments, CommandContext, Output, Progress } from '@pith/core'
import { ProgressLine } from './progress-line.ts'
import { visible } from './show-error.ts'

/** What the command runs in: this process, or a test. */
export interface Host {
  readonly stdout: Output
  readonly stderr: Output
  readonly stdinIsTerminal: boolean
  stdin(): AsyncIterable<Uint8Array>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly now: () => Date
}

/** The context of one call of the command. */
export class HostContext implements CommandContext {
  readonly signal: AbortSignal
  json = false
  quiet = false
  readonly #host: Host
  #line: ProgressLine | undefined

  constructor(host: Host, signal: AbortSignal) {
    this.#host = host
    this.signal = signal
  }

  /** Take over what the options say. */
  apply(args: Arguments): void {
    this.json = args.has('json')
    this.quiet = args.has('quiet')
    if (this.stderr.isTerminal && !this.quiet) this.#line = new ProgressLine(this.stderr)
  }

  get stdout(): Output {
    return this.#host.stdout
  }

  get stderr(): Output {
    return this.#host.stderr
  }

  get stdinIsTerminal(): boolean {
    return this.#host.stdinIsTerminal
  }

  get colour(): boolean {
    return this.stdout.isTerminal && !this.#host.env['NO_COLOR'] && this.#host.env['TERM'] !== 'dumb'
  }

  stdin(): AsyncIterable<Uint8Array> {
    return this.#host.stdin()
  }

  now(): Date {
    return this.#host.now()
  }

  onProgress(progress: Progress): void {
    this.#line?.draw(progress)
  }

  async note(line: string): Promise<void> {
    if (this.quiet) return
    await this.clearProgress()
    await this.stderr.write(`pith: ${visible(line)}\n`)
    await this.stderr.flush()
  }

  async report(report: object): Promise<void> {
    await this.stdout.write(`${JSON.stringify({ ok: true, ...report })}\n`)
  }

  async clearProgress(): Promise<void> {
    await this.#line?.clear()
  }
}
