/** Where values lie: a folder, a server, memory. */
import type { Run } from '@pith/core'

/** One value of a tier. */
export interface TierValue {
  readonly name: string
  readonly bytes: number
}

/** What a tier threw away. */
export interface Removed {
  readonly values: number
  readonly bytes: number
}

/** Keeps values by name, and may lose each of them at any time. Everything may reject: {@link PrefixStore} lives with it. */
export interface StoreTier {
  /** To be shown, without secrets. */
  readonly title: string
  has(names: readonly string[], run?: Pick<Run, 'signal'>): Promise<boolean[]>
  /** The bytes as they were put; undefined where there are none. */
  get(name: string, run?: Pick<Run, 'signal'>): Promise<Uint8Array | undefined>
  put(name: string, bytes: Uint8Array): Promise<void>
  /** Say that chunks were used: those of one text, in their order. What was not used for longest is thrown away first. */
  touch(names: readonly string[]): Promise<void>
  /** @returns whether it was there */
  remove(name: string): Promise<boolean>
  list(run?: Pick<Run, 'signal'>): AsyncIterable<TierValue>
  /** Throw away what is beyond the size that was set, and what dead writers left. */
  gc(): Promise<Removed>
  close(): Promise<void>
}

/** The name of a value: its key in hex, and the coder. */
export function valueName(keyHex: string, coder: string): string {
  return `${keyHex}.${coder}`
}

/** Whether something is called as values are. */
export function isValueName(name: string): boolean {
  return /^[0-9a-f]{64}[.][a-z0-9-]{1,48}$/.test(name)
}
