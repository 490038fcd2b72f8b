import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Output } from '@pith/core'
import { afterAll } from 'vitest'
import { runCommand } from '../src/command/main.ts'

/** What one call of the command gave. */
export interface Outcome {
  code: number
  /** What it printed, with the test's folder as TMP and times as TIME. */
  out: string
  err: string
  bytes: Buffer
}

/** Output that is kept; a closed one behaves as a pipe that nobody reads. */
class KeptOutput implements Output {
  readonly isTerminal: boolean = false
  readonly columns: number = 80
  readonly #parts: Buffer[] = []

  async write(data: string | Uint8Array): Promise<void> {
    this.#parts.push(Buffer.from(data as Uint8Array))
  }

  async flush(): Promise<void> {}

  get bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

/** A folder that is gone after the tests of the file. */
export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'pith-test-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Run the command in this process. `TMP/` in a word stands for the folder. */
export async function pith(
  folder: string,
  line: string | readonly string[],
  stdin: Uint8Array | string | AsyncIterable<Uint8Array> = '',
): Promise<Outcome> {
  const words = (typeof line === 'string' ? line.split(' ') : line).map((word) => word.replaceAll('TMP', folder))
  const stdout = new KeptOutput()
  const stderr = new KeptOutput()
  const code = await runCommand(words, '0.0.0-test', {
    stdout,
    stderr,
    stdinIsTerminal: false,
    async *stdin() {
      if (typeof stdin === 'object' && Symbol.asyncIterator in stdin) yield* stdin
      else yield new Uint8Array(Buffer.from(stdin as Uint8Array))
    },
    env: {},
    now: () => new Date(Date.UTC(2024, 4, 1, 12)),
  })
  const shown = (bytes: Buffer): string =>
    bytes
      .toString('latin1')
      .replaceAll(folder, 'TMP')
      .replace(/\b(?:\d+ h \d\d min|\d+ min \d\d s|[\d.]+ m?s)\b/g, 'TIME')
      .replace(/"ms":\d+/g, '"ms":TIME')
  return { code, out: shown(stdout.bytes), err: shown(stderr.bytes), bytes: stdout.bytes }
}
