import { PithError } from '@pith/core'

/** What the pool's test in a page runs. */
export const tasks = {
  double: (n: number): number => 2 * n,
  refuse(offset: number): never {
    throw new PithError('PITH_CORRUPT', 'the block is damaged', { hint: 'Take another one.', at: { offset } })
  },
  spin(_: number): never {
    for (;;);
  },
}
