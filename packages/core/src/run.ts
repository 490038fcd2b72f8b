/** One report of progress; `done` never falls, and at most 20 reports a second are made. */
export interface Progress {
  stage: string
  done: number
  total?: number
  unit: 'bytes' | 'rows' | 'tokens' | 'steps'
}

/** What a decoder may spend on an input it does not trust. */
export interface Limits {
  /** Bytes that may be produced. */
  outputBytes: number
  /** Bytes that may be held at once. */
  memoryBytes: number
  /** Sections, blocks or entries that may be declared. */
  sections: number
  /** Levels of nesting. */
  depth: number
}

/** Everything long-running takes this. */
export interface Run {
  signal?: AbortSignal
  onProgress?: (progress: Progress) => void
  /** Seed of every random choice; the default is 0. */
  seed?: number
  /** Threads to use; the result does not depend on it. */
  threads?: number
  /** Whether the calling thread has to answer while long work is done: one thread is then another one. Default false. */
  responsive?: boolean
  limits?: Partial<Limits>
}
