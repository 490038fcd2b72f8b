/** Sound as samples, and WAV files: integers of 8 to 32 bits and floating-point numbers. */
import { PithError } from '@pith/core'

/** Sound: one f32[samples] for each channel, nominally within -1..1, all of one length. */
export interface Audio {
  /** Samples a second. */
  readonly sampleRate: number
  readonly channels: readonly Float32Array[]
}

/** How samples are written. */
export type WavFormat = 'u8' | 's16' | 's24' | 's32' | 'f32' | 'f64'

/** How sound is read. */
export interface AudioLimits {
  /** Most samples of all channels together. Default 2^28. */
  maxSamples?: number
}

/** Most samples where nothing else is asked for. */
export const MAX_SAMPLES: number = 2 ** 28

const MAX_CHANNELS = 256
const MAX_RATE = 2 ** 31 - 1

const PCM = 1
const FLOAT = 3
const EXTENSIBLE = 0xfffe

const BYTES: Readonly<Record<WavFormat, number>> = { u8: 1, s16: 2, s24: 3, s32: 4, f32: 4, f64: 8 }

interface Layout {
  readonly format: WavFormat
  readonly channels: number
  readonly sampleRate: number
}

/**
 * Read a WAV file. Of a file that was written as a stream, whose length is not known, all that is there is read.
 *
 * @throws PithError `PITH_TRUNCATED`, `PITH_CORRUPT` the file · `PITH_UNSUPPORTED` compressed samples · `PITH_LIMIT`
 */
export function readWav(bytes: Uint8Array, { maxSamples = MAX_SAMPLES }: AudioLimits = {}): Audio {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 12) throw new PithError('PITH_TRUNCATED', 'a WAV file has 12 bytes or more')
  if (nameAt(bytes, 0) !== 'RIFF' || nameAt(bytes, 8) !== 'WAVE') {
    throw new PithError('PITH_CORRUPT', 'this is no WAV file', { at: { offset: 0 } })
  }
  let layout: Layout | undefined
  for (let at = 12; ; ) {
    if (bytes.length - at < 8) throw new PithError('PITH_TRUNCATED', 'the WAV file ends before its samples')
    const name = nameAt(bytes, at)
    const size = view.getUint32(at + 4, true)
    at += 8
    const rest = bytes.length - at
    if (name === 'data') {
      if (layout === undefined) throw new PithError('PITH_CORRUPT', 'the samples stand before their format')
      const isOpen = size === 0xffffffff || (size === 0 && rest > 0)
      if (!isOpen && size > rest) {
        throw new PithError('PITH_TRUNCATED', `${rest} of ${size} bytes of samples are there`, { at: { offset: at } })
      }
      return readSamples(
        new DataView(bytes.buffer, bytes.byteOffset + at, isOpen ? rest : size),
        layout,
        isOpen,
        maxSamples,
      )
    }
    if (size > rest) throw new PithError('PITH_TRUNCATED', `the part ${JSON.stringify(name)} is cut short`)
    if (name === 'fmt ') layout = readLayout(new DataView(bytes.buffer, bytes.byteOffset + at, size))
    // Parts begin at even places.
    at += size + (size & 1)
  }
}

function readLayout(view: DataView): Layout {
  if (view.byteLength < 16) throw new PithError('PITH_CORRUPT', 'the format of the WAV file is cut short')
  let code = view.getUint16(0, true)
  const channels = view.getUint16(2, true)
  const sampleRate = view.getUint32(4, true)
  const frame = view.getUint16(12, true)
  const bits = view.getUint16(14, true)
  if (code === EXTENSIBLE) {
    if (view.byteLength < 26) throw new PithError('PITH_CORRUPT', 'the format of the WAV file is cut short')
    code = view.getUint16(24, true)
  }
  const format = formatOf(code, bits)
  if (format === undefined) {
    throw new PithError('PITH_UNSUPPORTED', `samples of format ${code} with ${bits} bits are not read`, {
      hint: 'Convert the file to 16-bit PCM.',
    })
  }
  checkSound(channels, sampleRate)
  if (frame !== channels * BYTES[format]) {
    throw new PithError('PITH_CORRUPT', `${channels} channels of ${bits} bits do not make ${frame} bytes`)
  }
  return { format, channels, sampleRate }
}

function formatOf(code: number, bits: number): WavFormat | undefined {
  if (code === FLOAT) return bits === 32 ? 'f32' : bits === 64 ? 'f64' : undefined
  if (code !== PCM) return undefined
  return bits === 8 ? 'u8' : bits === 16 || bits === 24 || bits === 32 ? (`s${bits}` as WavFormat) : undefined
}

function checkSound(channels: number, sampleRate: number): void {
  if (!(channels >= 1 && channels <= MAX_CHANNELS)) {
    throw new PithError('PITH_CORRUPT', `a file of 1..${MAX_CHANNELS} channels is read, this has ${channels}`)
  }
  if (!(sampleRate >= 1 && sampleRate <= MAX_RATE)) {
    throw new PithError('PITH_CORRUPT', `the rate is ${sampleRate} samples a second`)
  }
}

function readSamples(view: DataView, layout: Layout, isOpen: boolean, maxSamples: number): Audio {
  const { format, channels, sampleRate } = layout
  const width = BYTES[format]
  const length = Math.floor(view.byteLength / (width * channels))
  if (!isOpen && length * width * channels !== view.byteLength) {
    throw new PithError('PITH_CORRUPT', `${view.byteLength} bytes are no whole number of samples`)
  }
  if (length * channels > maxSamples) {
    throw new PithError('PITH_LIMIT', `the file has ${length * channels} samples, at most ${maxSamples} are read`)
  }
  const read = READ[format]
  return {
    sampleRate,
    channels: Array.from({ length: channels }, (_, channel) => {
      const samples = new Float32Array(length)
      for (let i = 0, at = channel * width; i < length; i++, at += width * channels) samples[i] = read(view, at)
      return samples
    }),
  }
}

const READ: Readonly<Record<WavFormat, (view: DataView, at: number) => number>> = {
  u8: (view, at) => (view.getUint8(at) - 128) / 128,
  s16: (view, at) => view.getInt16(at, true) / 32768,
  s24: (view, at) => ((view.getInt8(at + 2) << 16) | view.getUint16(at, true)) / 8388608,
  s32: (view, at) => view.getInt32(at, true) / 2147483648,
  f32: (view, at) => view.getFloat32(at, true),
  f64: (view, at) => view.getFloat64(at, true),
}

const WRITE: Readonly<Record<WavFormat, (view: DataView, at: number, value: number) => void>> = {
  u8: (view, at, value) => view.setUint8(at, whole(value, 128) + 128),
  s16: (view, at, value) => view.setInt16(at, whole(value, 32768), true),
  s24: (view, at, value) => {
    const own = whole(value, 8388608)
    view.setUint16(at, own & 0xffff, true)
    view.setInt8(at + 2, own >> 16)
  },
  s32: (view, at, value) => view.setInt32(at, whole(value, 2147483648), true),
  f32: (view, at, value) => view.setFloat32(at, value, true),
  f64: (view, at, value) => view.setFloat64(at, value, true),
}

/** The nearest integer of -limit .. limit - 1; what is no number is silence. */
function whole(value: number, limit: number): number {
  return Math.max(-limit, Math.min(limit - 1, Math.round(value * limit))) || 0
}

/**
 * Write a WAV file. Integers come back as the same samples; numbers beyond -1..1 are cut off, but for floating-point formats.
 *
 * @param format  default `s16`
 * @throws PithError `PITH_SHAPE` channels of different lengths, or none · `PITH_ARG` the rate · `PITH_LIMIT` 4 GiB or more
 */
export function writeWav({ sampleRate, channels }: Audio, format: WavFormat = 's16'): Uint8Array<ArrayBuffer> {
  const length = channels[0]?.length ?? 0
  if (channels.length < 1 || channels.length > MAX_CHANNELS || channels.some((own) => own.length !== length)) {
    throw new PithError('PITH_SHAPE', `sound has 1..${MAX_CHANNELS} channels of one length`)
  }
  if (!(Number.isInteger(sampleRate) && sampleRate >= 1 && sampleRate <= MAX_RATE)) {
    throw new PithError('PITH_ARG', `sampleRate must be an integer in 1..${MAX_RATE}, got ${sampleRate}`)
  }
  const width = BYTES[format]
  const frame = width * channels.length
  const size = frame * length
  const isFloat = format === 'f32' || format === 'f64'
  if (size > 0xffffffff - 64) throw new PithError('PITH_LIMIT', `${size} bytes do not fit in a WAV file`)
  const bytes = new Uint8Array(44 + size + (size & 1))
  const view = new DataView(bytes.buffer)
  putName(bytes, 0, 'RIFF')
  view.setUint32(4, bytes.length - 8, true)
  putName(bytes, 8, 'WAVE')
  putName(bytes, 12, 'fmt ')
  view.setUint32(16, 16, true)
  view.setUint16(20, isFloat ? FLOAT : PCM, true)
  view.setUint16(22, channels.length, true)
  view.setUint32(24, sampleRate, true)
  view.setUint32(28, Math.min(sampleRate * frame, 0xffffffff), true)
  view.setUint16(32, frame, true)
  view.setUint16(34, 8 * width, true)
  putName(bytes, 36, 'data')
  view.setUint32(40, size, true)
  const write = WRITE[format]
  for (const [channel, samples] of channels.entries()) {
    for (let i = 0, at = 44 + channel * width; i < length; i++, at += frame) write(view, at, samples[i] as number)
  }
  return bytes
}

function nameAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4))
}

function putName(bytes: Uint8Array, at: number, name: string): void {
  for (let i = 0; i < name.length; i++) bytes[at + i] = name.charCodeAt(i)
}
