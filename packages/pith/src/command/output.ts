import { writeSync } from 'node:fs'
import { isatty } from 'node:tty'
import type { Output } from '@pith/core'

/** Bytes that are gathered before they are passed on. */
const GATHER = 1 << 16

/** Thrown where nobody reads standard output any more. */
export class ClosedOutput extends Error {
  override readonly name = 'ClosedOutput'
}

/**
 * Output to a file descriptor in large writes. Each is a plain blocking call, which is what a filter in a pipe wants:
 * no queue grows, and nothing is lost when the process ends.
 */
export class DescriptorOutput implements Output {
  readonly isTerminal: boolean
  readonly #descriptor: number
  readonly #buffer: Uint8Array = new Uint8Array(GATHER)
  readonly #encoder = new TextEncoder()
  #held = 0

  constructor(descriptor: number) {
    this.#descriptor = descriptor
    this.isTerminal = isatty(descriptor)
  }

  get columns(): number {
    const stream = this.#descriptor === 1 ? process.stdout : process.stderr
    return this.isTerminal && stream.columns > 0 ? stream.columns : 80
  }

  async write(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === 'string' ? this.#encoder.encode(data) : data
    if (this.#held + bytes.length > GATHER) await this.flush()
    if (bytes.length >= GATHER) {
      await this.#pass(bytes)
    } else {
      this.#buffer.set(bytes, this.#held)
      this.#held += bytes.length
    }
  }

  async flush(): Promise<void> {
    const held = this.#held
    this.#held = 0
    if (held > 0) await this.#pass(this.#buffer.subarray(0, held))
  }

  async #pass(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      try {
        at += writeSync(this.#descriptor, bytes, at)
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? error.code : undefined
        if (code === 'EPIPE') throw new ClosedOutput('standard output is closed', { cause: error })
        if (code !== 'EAGAIN') throw error
        // The other end made the pipe non-blocking and is slow.
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    }
  }
}
