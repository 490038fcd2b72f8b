import { PithError } from '@pith/core'
import type { TaskContext } from '@pith/core/workers'

/** What the pool's tests run: here, on a thread, in a child process and in a page. */
export const tasks = {
  double: (n: number): number => 2 * n,
  sum: (bytes: Uint8Array): number => bytes.reduce((sum, byte) => sum + byte, 0),
  fill(length: number, context: TaskContext): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length).fill(7)
    context.transfer([bytes.buffer])
    return bytes
  },
  refuse(offset: number): never {
    throw new PithError('PITH_CORRUPT', 'the block is damaged', {
      hint: 'Take another one.',
      at: { section: 'kv.index', offset },
    })
  },
  crash(): never {
    throw new TypeError('not a function')
  },
  spin(): never {
    for (;;);
  },
  /** Count up while the other side does not say stop, as native code does that nothing can end. */
  count(cells: Int32Array): number {
    Atomics.store(cells, 0, 1)
    Atomics.notify(cells, 0)
    Atomics.wait(cells, 1, 0)
    return Atomics.add(cells, 2, 1)
  },
  leave(): void {
    process.exit(3)
  },
  thread: async (): Promise<number> => (await import('node:worker_threads')).threadId,
  pid: (): number => process.pid,
}
