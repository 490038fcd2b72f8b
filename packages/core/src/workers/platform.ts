/** What may move to another thread instead of being copied: memory, ports. */
export type Movable = ArrayBuffer | MessagePort

/** `thread`: a worker thread or Web Worker. `process`: a child process, which a kill stops even inside a native call (Node only). */
export type WorkerMode = 'thread' | 'process'

/** One running worker, seen from outside. */
export interface WorkerChannel {
  post(message: unknown, transfer: readonly Movable[]): void
  /** Whether the worker keeps the program alive. */
  hold(alive: boolean): void
  terminate(): Promise<void>
}

/** What a worker reports; `failed` means that it is gone. */
export interface WorkerListener {
  message(message: unknown): void
  failed(error: unknown): void
}

/** The way out of a worker, seen from inside. */
export interface ParentChannel {
  /** Tasks that were given to this worker and are not done, where the program's end waits for them. */
  readonly busy?: Int32Array
  post(message: unknown, transfer: readonly Movable[]): void
  listen(listener: (message: unknown) => void): void
}
