/** How hard and with what memory brotli compresses. */
export interface BrotliOptions {
  /** Effort, 0..11. */
  quality: number
  /** Base-2 logarithm of the window, 10..24; default 22. */
  lgwin?: number
  /** Bytes that will come, where more than the given array is known; default its length. */
  sizeHint?: number
  /** Whether the bytes are UTF-8 text; default false (generic). */
  text?: boolean
}
