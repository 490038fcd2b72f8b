/** Bytes that can be read at any place: a file, a Blob, an HTTP resource with ranges, an array. */
export interface RandomAccess {
  /** Length in bytes. */
  readonly size: number
  /** Whether each read crosses a network: readers then ask in more steps for fewer bytes. Default false. */
  readonly remote?: boolean
  /**
   * Read `length` bytes from `offset`; fewer come back only at the end.
   *
   * @throws PithError `PITH_IO` or `PITH_NETWORK`; the abort reason
   */
  read(offset: number, length: number, options?: { signal?: AbortSignal }): Promise<Uint8Array>
  close?(): Promise<void>
}

/** Anything bytes can be taken from. */
export type ByteSource =
  | Uint8Array
  | ArrayBuffer
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>
  | RandomAccess

/** An input to encode: its bytes once, front to back. */
export interface Source {
  /** Name for format detection and for the archive, if it has one. */
  readonly name?: string
  /** Length in bytes where it is known before reading. */
  readonly size?: number
  /** The first bytes, up to `length`; they are delivered again by `stream`. */
  head(length: number): Promise<Uint8Array>
  stream(): AsyncIterable<Uint8Array>
  /** Bytes at a place, in an array that nobody else has: the caller may hand it on. Fewer come back only at the end. */
  readOwn?(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>
}

/** Where bytes go, front to back; `write` resolves when more may come (back-pressure). */
export interface Sink {
  write(bytes: Uint8Array): Promise<void>
  /** Make everything written so far durable and visible, where the sink can. */
  flush?(): Promise<void>
  close(): Promise<void>
  /** Give up: nothing half-written stays behind. */
  abort(reason?: unknown): Promise<void>
}

/** A sink over a file that can also be read and changed in place: appends commit with `flush`. */
export interface FileSink extends Sink {
  /** Length in bytes, counting what was written but not flushed. */
  readonly size: number
  /** Read `length` bytes from `offset`; fewer come back only at the end. */
  readAt(offset: number, length: number): Promise<Uint8Array>
  /** Write all of `bytes` at `offset`, which may be the end but not beyond it. */
  writeAt(offset: number, bytes: Uint8Array): Promise<void>
  /** Cut the file to `size` bytes. */
  truncate(size: number): Promise<void>
  flush(): Promise<void>
}
