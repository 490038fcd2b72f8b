/** Images on Node: by sharp where it is installed, PNG files always. */
import { inflateSync } from 'node:zlib'
import { isPithError, PithError } from '@pith/core'
import {
  checkImage,
  checkPixels,
  type DecodeImageOptions,
  flattenAlpha,
  type Image,
  type ImageHeader,
  MAX_PIXELS,
} from '../images.ts'

/** How an image is decoded on Node. */
export interface NodeImageOptions extends DecodeImageOptions {
  /** `auto` (default) takes sharp where it loads, else pngjs, which knows PNG only. */
  decoder?: 'auto' | 'sharp' | 'pngjs'
}

/** The part of sharp that is used. */
interface SharpPipeline {
  autoOrient(): SharpPipeline
  flatten(options: { background: string }): SharpPipeline
  toColourspace(space: string): SharpPipeline
  raw(options: { depth: string }): SharpPipeline
  toBuffer(options: { resolveWithObject: true }): Promise<{
    data: Uint8Array
    info: { width: number; height: number; channels: number }
  }>
}
type Sharp = (bytes: Uint8Array, options: object) => SharpPipeline

/** The part of pngjs that is used. */
interface PngModule {
  readonly PNG: { readonly sync: { read(bytes: Uint8Array): { width: number; height: number; data: Uint8Array } } }
}

/** Named at run time only: both are optional. */
const SHARP: string = 'sharp'
const PNGJS: string = 'pngjs'

let sharpLoaded: Promise<Sharp | undefined> | undefined

/** @returns undefined where it is not installed or does not fit this system */
function loadSharp(): Promise<Sharp | undefined> {
  sharpLoaded ??= import(SHARP).then(
    (module: { default: Sharp }) => module.default,
    () => undefined,
  )
  return sharpLoaded
}

/**
 * Decode a PNG, JPEG, WebP or GIF file (its first picture): upright, on black where it is transparent.
 *
 * @throws PithError `PITH_LIMIT` more pixels than allowed, by the header, before any is decoded · `PITH_CORRUPT`,
 * `PITH_TRUNCATED` damage · `PITH_UNSUPPORTED` another format · `PITH_CAPABILITY` no PNG, and sharp does not load
 */
export async function decodeImage(bytes: Uint8Array, options: NodeImageOptions = {}): Promise<Image> {
  const { decoder = 'auto', maxPixels = MAX_PIXELS } = options
  const header = checkImage(bytes, options)
  const sharp = decoder === 'pngjs' ? undefined : await loadSharp()
  if (sharp !== undefined) return await decodeBySharp(sharp, bytes, maxPixels)
  if (header.format === 'png' && decoder !== 'sharp') return await decodePng(bytes, header)
  throw new PithError('PITH_CAPABILITY', `${header.format} images need the package sharp`, {
    hint: 'Run: npm install sharp',
  })
}

async function decodeBySharp(sharp: Sharp, bytes: Uint8Array, maxPixels: number): Promise<Image> {
  try {
    const { data, info } = await sharp(bytes, { limitInputPixels: maxPixels, failOn: 'error', pages: 1 })
      .autoOrient()
      .flatten({ background: '#000' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true })
    const { width, height, channels } = info
    checkPixels(width, height, maxPixels)
    if (channels !== 3) throw new PithError('PITH_CORRUPT', `the image has ${channels} channels`)
    return { width, height, data: Uint8Array.from(data) }
  } catch (cause) {
    throw damaged(cause)
  }
}

async function decodePng(bytes: Uint8Array, header: ImageHeader): Promise<Image> {
  checkPngData(bytes, header)
  const { PNG } = (await import(PNGJS)) as PngModule
  try {
    const { width, height, data } = PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    if (width !== header.width || height !== header.height || data.length !== 4 * width * height) {
      throw new PithError('PITH_CORRUPT', 'the PNG file has another size than its header says')
    }
    return { width, height, data: flattenAlpha(data) }
  } catch (cause) {
    throw damaged(cause)
  }
}

/** pngjs unpacks interlaced pictures without a bound: this does so with one. */
function checkPngData(bytes: Uint8Array, { width, height }: ImageHeader): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const parts: Uint8Array[] = []
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at)
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8))
    if (length > bytes.length - at - 12) throw new PithError('PITH_TRUNCATED', `the PNG file ends in its ${type}`)
    if (type === 'IHDR' && at !== 8) throw new PithError('PITH_CORRUPT', 'the PNG file has two headers')
    if (type === 'IDAT') parts.push(bytes.subarray(at + 8, at + 8 + length))
    at += 12 + length
  }
  // Four channels of two bytes, a byte for each row of each of the seven passes.
  const most = 8 * width * height + 7 * (height + 8)
  try {
    inflateSync(Buffer.concat(parts), { maxOutputLength: most })
  } catch (cause) {
    throw damaged(cause)
  }
}

function damaged(cause: unknown): PithError {
  if (isPithError(cause)) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  const first = (reason.split('\n')[0] as string).slice(0, 120)
  return new PithError('PITH_CORRUPT', `the image can not be decoded: ${first}`, { cause })
}
