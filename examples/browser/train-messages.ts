import type { Shape } from './train-data.ts'

/** What the page asks of its worker. */
export type Question =
  | { ask: 'train'; id: number; shape: Shape; hidden: number; lr: number; steps: number }
  | { ask: 'stop' }
  | { ask: 'save' }

/** What the worker answers. */
export type Answer =
  | { say: 'points'; id: number; points: Float32Array; classes: Uint8Array }
  /** Losses since the last one, and how likely the second class is at each place of the grid. */
  | { say: 'learned'; id: number; losses: number[]; grid: Float32Array; right: number }
  | { say: 'ended'; id: number; steps: number; ms: number; runtime: string }
  | { say: 'saved'; file: Uint8Array<ArrayBuffer> }
  | { say: 'failed'; message: string }
