/** Pictures for tests, and the PNG files of them. */
import { deflateSync } from 'node:zlib'
import { concatBytes } from '@pith/core'

/** A JPEG file of three by two pixels. */
export const JPEG: Uint8Array = Uint8Array.from(
  atob(
    '/9j/4AAQSkZJRgABAQEASABIAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1xeXBkeFxlZ2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/wAARCAACAAMDASIAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAX/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QAFQEBAQAAAAAAAAAAAAAAAAAABAX/xAAUEQEAAAAAAAAAAAAAAAAAAAAA/9oADAMBAAIRAxEAPwCKAFKf/9k=',
  ),
  (sign) => sign.charCodeAt(0),
)

/** Pixels that look random. */
export function picture(width: number, height: number, channels: number): Uint8Array {
  return Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 73 + ((i * i) >> 3)) % 256)
}

/** How a PNG file departs from the plain form. */
export interface PngOptions {
  /** Further bytes behind the pixels, packed with them. */
  extra?: number
  /** Adam7; the picture is then made of the given bytes in any order. */
  interlaced?: boolean
}

/** A PNG file of pixels with opacity. @param rgba  u8[height, width, 4] */
export function png(
  width: number,
  height: number,
  rgba: Uint8Array,
  options: PngOptions = {},
): Uint8Array<ArrayBuffer> {
  const { extra = 0, interlaced = false } = options
  const header = new Uint8Array(13)
  const view = new DataView(header.buffer)
  view.setUint32(0, width)
  view.setUint32(4, height)
  header.set([8, 6, 0, 0, interlaced ? 1 : 0], 8)
  const rows = interlaced ? adam7(width, height, rgba) : scanLines(width, height, rgba)
  return concatBytes([
    Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(concatBytes([...rows, new Uint8Array(extra)]))),
    chunk('IEND', new Uint8Array()),
  ])
}

function scanLines(width: number, height: number, rgba: Uint8Array): Uint8Array[] {
  return Array.from({ length: height }, (_, y) =>
    Uint8Array.of(0, ...rgba.subarray(4 * y * width, 4 * (y + 1) * width)),
  )
}

/** First column and row, steps between columns and rows of each pass. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const

function adam7(width: number, height: number, rgba: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = []
  for (const [left, top, across, down] of PASSES) {
    if (left >= width) continue
    for (let y = top; y < height; y += down) {
      const line = [0]
      for (let x = left; x < width; x += across)
        line.push(...rgba.subarray(4 * (y * width + x), 4 * (y * width + x + 1)))
      lines.push(Uint8Array.from(line))
    }
  }
  return lines
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12 + data.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, data.length)
  bytes.set(new TextEncoder().encode(type), 4)
  bytes.set(data, 8)
  view.setUint32(8 + data.length, crc32(bytes.subarray(4, 8 + data.length)))
  return bytes
}

function crc32(bytes: Uint8Array): number {
  let crc = -1
  for (const byte of bytes) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return ~crc >>> 0
}
