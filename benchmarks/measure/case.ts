/** One measured case, and how benches hand theirs over. */
import type { Machine } from './machine.ts'

/** Figures of one contender. A figure that was not measured is absent. */
export interface Figures {
  /** Original over compressed. */
  readonly ratio?: number
  readonly bytes?: number
  /** Uncompressed megabytes (10^6) for each second of CPU time. */
  readonly encodeMBps?: number
  readonly decodeMBps?: number
  readonly peakMiB?: number
  readonly wallMs?: number
  readonly cpuMs?: number
  readonly quality?: Readonly<Record<string, number>>
}

/** What was measured, against whom, on what. `vs` is ours over theirs of the figure of that name. */
export interface Case {
  readonly system: string
  /** Which table it belongs to: `sizes`, `speed`, `memory`, `grep` ... */
  readonly kind: string
  readonly peer: { readonly name: string; readonly version?: string }
  readonly data: { readonly name: string; readonly group?: string; readonly bytes: number }
  readonly params: Readonly<Record<string, string | number>>
  readonly ours: Figures
  readonly theirs: Figures
  readonly vs: Readonly<Record<string, number>>
  readonly repeats: number
  /** Half the distance between the quartiles of our figure over its median. */
  readonly spread?: number
}

/** A case as it is printed and kept. */
export interface StoredCase extends Case {
  readonly machine: Machine
  readonly commit: string
}

/** What a bench gets from the runner. */
export interface BenchContext {
  /** Parts that were asked for; empty means all. */
  readonly only: ReadonlySet<string>
  /** Command line that starts pith. */
  readonly pith: readonly string[]
  /** Folder for files that the bench makes; it stays between runs. */
  readonly cache: string
  /** Repeats of each timing. */
  readonly repeats: number
  /** Factor on the sizes of generated files, 1 as reported. */
  readonly scale: number
  add(result: Case): void
  /** Lines for people, on standard error. */
  say(text: string): void
}

export interface Bench {
  readonly system: string
  /** Names for `--only`. */
  readonly parts: readonly string[]
  run(context: BenchContext): Promise<void>
}
