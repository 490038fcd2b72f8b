/** Images as bytes of pixels: what their headers say, other sizes, tensors for networks, and decoding in browsers. */
import { PithError } from '@pith/core'
import { Tensor } from '../tensor.ts'

/** Pixels of an image: red, green and blue, a byte each, row by row from the top. */
export interface Image {
  readonly width: number
  readonly height: number
  /** u8[height, width, 3]. */
  readonly data: Uint8Array
}

/** Formats that are decoded. */
export type ImageFormat = 'png' | 'jpeg' | 'webp' | 'gif'

/** What the header of an image says. */
export interface ImageHeader {
  readonly format: ImageFormat
  readonly width: number
  readonly height: number
}

/** How an image is decoded. */
export interface DecodeImageOptions {
  /** Most pixels of an image. Default 64,000,000. */
  maxPixels?: number
}

/** Most pixels of an image where nothing else is asked for. */
export const MAX_PIXELS = 64_000_000

const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] as const

/**
 * The format and size that the first bytes of an image name.
 *
 * @throws PithError `PITH_UNSUPPORTED` another format · `PITH_TRUNCATED`, `PITH_CORRUPT` the header
 */
export function imageHeader(bytes: Uint8Array): ImageHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = String.fromCharCode(...bytes.subarray(0, 16))
  try {
    if (PNG.every((byte, i) => bytes[i] === byte)) return sized('png', view.getUint32(16), view.getUint32(20))
    if (/^GIF8[79]a/.test(text)) return sized('gif', view.getUint16(6, true), view.getUint16(8, true))
    if (bytes[0] === 0xff && bytes[1] === 0xd8) return jpegHeader(view)
    if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return webpHeader(view, text.slice(12, 16))
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new PithError('PITH_TRUNCATED', 'the image ends in its header', { cause })
  }
  throw new PithError('PITH_UNSUPPORTED', 'this is no image in PNG, JPEG, WebP or GIF form', {
    hint: 'Convert it to PNG.',
  })
}

function sized(format: ImageFormat, width: number, height: number): ImageHeader {
  if (width >= 1 && height >= 1) return { format, width, height }
  throw new PithError('PITH_CORRUPT', `the image is ${width} x ${height} pixels`)
}

/** Segments up to the one that starts the frame. */
function jpegHeader(view: DataView): ImageHeader {
  for (let at = 2; ; ) {
    if (view.getUint8(at) !== 0xff) throw new PithError('PITH_CORRUPT', 'a JPEG segment has no marker')
    const marker = view.getUint8(at + 1)
    // Markers may be filled up with 0xff.
    if (marker === 0xff) at++
    else if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc) {
      return sized('jpeg', view.getUint16(at + 7), view.getUint16(at + 5))
    } else if (marker === 0xd9 || marker === 0xda) {
      throw new PithError('PITH_CORRUPT', 'the JPEG file names no size')
    } else at += 2 + Math.max(2, view.getUint16(at + 2))
  }
}

function webpHeader(view: DataView, chunk: string): ImageHeader {
  if (chunk === 'VP8 ') return sized('webp', view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff)
  if (chunk === 'VP8L') {
    const bits = view.getUint32(21, true)
    return sized('webp', (bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1)
  }
  if (chunk !== 'VP8X') throw new PithError('PITH_CORRUPT', 'the WebP file names no size')
  const word = (at: number): number => view.getUint16(at, true) + 65536 * view.getUint8(at + 2)
  return sized('webp', word(24) + 1, word(27) + 1)
}

/** The header of an image that is not too large. @throws PithError `PITH_LIMIT`, and as {@link imageHeader} */
export function checkImage(bytes: Uint8Array, { maxPixels = MAX_PIXELS }: DecodeImageOptions = {}): ImageHeader {
  const header = imageHeader(bytes)
  checkPixels(header.width, header.height, maxPixels)
  return header
}

/** @throws PithError `PITH_LIMIT` more pixels than allowed */
export function checkPixels(width: number, height: number, maxPixels: number): void {
  if (width * height <= maxPixels) return
  throw new PithError('PITH_LIMIT', `the image has ${width} x ${height} pixels, ${maxPixels} are allowed`, {
    hint: 'Raise maxPixels if you trust it, or make the image smaller.',
  })
}

/** Pixels with opacity on black, without it. @param rgba  u8[pixels, 4] */
export function flattenAlpha(rgba: ArrayLike<number>): Uint8Array {
  const pixels = Math.floor(rgba.length / 4)
  const rgb = new Uint8Array(3 * pixels)
  for (let i = 0; i < pixels; i++) {
    const alpha = rgba[4 * i + 3] as number
    for (let c = 0; c < 3; c++) rgb[3 * i + c] = Math.round(((rgba[4 * i + c] as number) * alpha) / 255)
  }
  return rgb
}

/**
 * Decode an image in a browser or one of its workers.
 *
 * @throws PithError `PITH_CAPABILITY` this is no browser · `PITH_CORRUPT` it can not be decoded · as {@link checkImage}
 */
export async function decodeImageWeb(bytes: Uint8Array, options: DecodeImageOptions = {}): Promise<Image> {
  checkImage(bytes, options)
  if (typeof createImageBitmap !== 'function' || typeof OffscreenCanvas !== 'function') {
    throw new PithError('PITH_CAPABILITY', 'images can not be decoded here', {
      hint: 'On Node, import decodeImage from @pith/engine/io/node.',
    })
  }
  let bitmap: ImageBitmap
  try {
    bitmap = await createImageBitmap(new Blob([bytes.slice()]))
  } catch (cause) {
    throw new PithError('PITH_CORRUPT', 'the image can not be decoded', { cause })
  }
  try {
    const { width, height } = bitmap
    checkPixels(width, height, options.maxPixels ?? MAX_PIXELS)
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true })
    if (context === null) throw new PithError('PITH_CAPABILITY', 'there is no canvas to decode images on')
    context.drawImage(bitmap, 0, 0)
    return { width, height, data: flattenAlpha(context.getImageData(0, 0, width, height).data) }
  } finally {
    bitmap.close()
  }
}

/** One end of a filter: which pixels of a line make a new one, and their shares. */
interface Taps {
  readonly first: Int32Array
  /** f64[length, width of the filter]. */
  readonly shares: Float64Array
  readonly width: number
}

/** Triangles as wide as a new pixel, at least as an old one: linear when growing, a mean over the area when shrinking. */
function tapsOf(from: number, start: number, span: number, to: number): Taps {
  const scale = span / to
  const reach = Math.max(1, scale)
  const width = Math.ceil(2 * reach) + 1
  const first = new Int32Array(to)
  const shares = new Float64Array(to * width)
  for (let i = 0; i < to; i++) {
    const centre = start + (i + 0.5) * scale - 0.5
    const low = Math.max(0, Math.ceil(centre - reach))
    const high = Math.min(from - 1, Math.floor(centre + reach))
    first[i] = low
    let sum = 0
    for (let k = low; k <= high; k++) sum += shares[i * width + k - low] = Math.max(0, 1 - Math.abs(k - centre) / reach)
    for (let k = low; k <= high; k++) shares[i * width + k - low] = (shares[i * width + k - low] as number) / sum
  }
  return { first, shares, width }
}

/** Settings of {@link imageTensor}. */
export interface ImageTensorOptions {
  width: number
  height: number
  /** 3 for red, green and blue, 1 for brightness. Default 3. */
  channels?: 1 | 3
  /** Taken from each channel, of values in 0..1. Default 0. */
  mean?: readonly number[]
  /** Each channel is then divided by it. Default 1. */
  std?: readonly number[]
}

/** Shares of red, green and blue in brightness (ITU-R BT.601). */
const BRIGHTNESS = [0.299, 0.587, 0.114] as const

/**
 * An image as a network takes it: scaled so that it covers the wanted size, cut evenly at the sides, values in 0..1, less the
 * mean, over the deviation.
 *
 * @returns f32[channels, height, width]
 * @throws PithError `PITH_ARG` sizes below 1, a `mean` or `std` of another number of channels
 */
export function imageTensor(image: Image, options: ImageTensorOptions): Tensor {
  const { width, height, channels = 3 } = options
  const [mean, std] = [options.mean ?? Array(channels).fill(0), options.std ?? Array(channels).fill(1)]
  for (const length of [width, height]) {
    if (!(Number.isInteger(length) && length >= 1)) throw new PithError('PITH_ARG', `an image of ${width} x ${height}`)
  }
  if (mean.length !== channels || std.length !== channels || !std.every((own) => own > 0)) {
    throw new PithError('PITH_ARG', `mean and std must be ${channels} numbers each, those of std above 0`)
  }
  const scale = Math.min(image.width / width, image.height / height)
  const [spanX, spanY] = [width * scale, height * scale]
  const columns = tapsOf(image.width, (image.width - spanX) / 2, spanX, width)
  const rows = tapsOf(image.height, (image.height - spanY) / 2, spanY, height)
  const lines = shrinkLines(image, columns, width)
  const out = new Float32Array(channels * width * height)
  const pixel = new Float64Array(3)
  for (let y = 0; y < height; y++) {
    const first = rows.first[y] as number
    const last = Math.min(rows.width, image.height - first)
    for (let x = 0; x < width; x++) {
      pixel.fill(0)
      for (let k = 0; k < last; k++) {
        const share = rows.shares[y * rows.width + k] as number
        const at = 3 * ((first + k) * width + x)
        for (let c = 0; c < 3; c++) pixel[c] = (pixel[c] as number) + share * (lines[at + c] as number)
      }
      if (channels === 1) pixel[0] = BRIGHTNESS.reduce((sum, part, c) => sum + part * (pixel[c] as number), 0)
      for (let c = 0; c < channels; c++) {
        out[(c * height + y) * width + x] = ((pixel[c] as number) / 255 - (mean[c] as number)) / (std[c] as number)
      }
    }
  }
  return new Tensor(out, [channels, height, width])
}

/** Each row at its new width. */
function shrinkLines({ width, height, data }: Image, { first, shares, width: taps }: Taps, to: number): Float32Array {
  const lines = new Float32Array(3 * to * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < to; x++) {
      const start = first[x] as number
      const last = Math.min(taps, width - start)
      for (let c = 0; c < 3; c++) {
        let sum = 0
        for (let k = 0; k < last; k++)
          sum += (shares[x * taps + k] as number) * (data[3 * (y * width + start + k) + c] as number)
        lines[3 * (y * to + x) + c] = sum
      }
    }
  }
  return lines
}
