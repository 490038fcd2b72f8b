import type { Host } from './context.ts'
import { DescriptorOutput } from './output.ts'

/** This process, as the command sees it. */
export function processHost(): Host {
  return {
    stdout: new DescriptorOutput(1),
    stderr: new DescriptorOutput(2),
    env: process.env,
    get stdinIsTerminal() {
      return process.stdin.isTTY === true
    },
    async *stdin() {
      for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
        yield new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)
      }
    },
    now: () => new Date(),
  }
}
