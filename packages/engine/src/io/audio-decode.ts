/** Compressed sound: MP3, FLAC and Ogg Opus by libraries that are loaded when they are needed. */
import { PithError } from '@pith/core'
import { type Audio, type AudioLimits, MAX_SAMPLES, readWav } from './audio.ts'

/** Formats of sound that are known. */
export type AudioFormat = 'wav' | 'mp3' | 'flac' | 'opus'

/** What a decoder gives. */
interface Decoded {
  readonly channelData: readonly Float32Array[]
  readonly samplesDecoded: number
  readonly sampleRate: number
  readonly errors: readonly { readonly message: string }[]
}

/** Named at run time only: it brings four megabytes and code of Node, which bundles for the browser need not hold. */
const OPUS: string = 'ogg-opus-decoder'

/** One decoder, which holds memory until it is freed. */
interface Decoder {
  readonly ready: Promise<void>
  free(): unknown
}

/** Longest part of a message of a library that is shown. */
const SHOWN = 120

/** Bytes of an Ogg page within which its first packet begins. */
const OGG_HEAD = 300

/** The format that the first bytes name; undefined where it is not known. */
export function audioFormat(bytes: Uint8Array): AudioFormat | undefined {
  const text = String.fromCharCode(...bytes.subarray(0, OGG_HEAD))
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WAVE') return 'wav'
  if (text.startsWith('fLaC')) return 'flac'
  if (text.startsWith('OggS')) return text.includes('OpusHead') ? 'opus' : undefined
  const isFrame = bytes[0] === 0xff && ((bytes[1] ?? 0) & 0xe6) === 0xe2
  return text.startsWith('ID3') || isFrame ? 'mp3' : undefined
}

/**
 * Read sound in any of the known formats.
 *
 * @throws PithError `PITH_UNSUPPORTED` another format · `PITH_CAPABILITY` the library of the format is not installed ·
 * `PITH_CORRUPT`, `PITH_TRUNCATED`, `PITH_LIMIT` the file
 */
export async function decodeAudio(bytes: Uint8Array, limits: AudioLimits = {}): Promise<Audio> {
  const format = audioFormat(bytes)
  if (format === undefined) {
    throw new PithError('PITH_UNSUPPORTED', 'this is no sound in WAV, MP3, FLAC or Ogg Opus form', {
      hint: 'Convert it to WAV.',
    })
  }
  if (format === 'wav') return readWav(bytes, limits)
  const { maxSamples = MAX_SAMPLES } = limits
  if (format === 'flac') checkFlac(bytes, maxSamples)
  const decoded = await DECODE[format](bytes)
  const { channelData, sampleRate, samplesDecoded, errors } = decoded
  const [error] = errors
  if (error !== undefined || samplesDecoded === 0 || channelData.length === 0) {
    const why = error === undefined ? 'there are no samples' : error.message.slice(0, SHOWN)
    throw new PithError('PITH_CORRUPT', `the ${format} file is damaged: ${why}`)
  }
  if (channelData.length * samplesDecoded > maxSamples) {
    throw new PithError('PITH_LIMIT', `the file has more than ${maxSamples} samples`)
  }
  return { sampleRate, channels: channelData.map((own) => own.slice(0, samplesDecoded)) }
}

const DECODE: Readonly<Record<Exclude<AudioFormat, 'wav'>, (bytes: Uint8Array) => Promise<Decoded>>> = {
  mp3: async (bytes) => await use(await load('mpg123-decoder', makeMp3), async (decoder) => decoder.decode(bytes)),
  flac: async (bytes) =>
    await use(await load('@wasm-audio-decoders/flac', makeFlac), async (decoder) => {
      const decoded = await decoder.decodeFile(bytes)
      for (const own of decoded.channelData) toHalfOpen(own, decoded.bitDepth)
      return decoded
    }),
  opus: async (bytes) => await use(await load('ogg-opus-decoder', makeOpus), (decoder) => decoder.decodeFile(bytes)),
}

// Only what is named goes into bundles: the other classes of these libraries start workers.

async function makeMp3() {
  const { MPEGDecoder } = await import('mpg123-decoder')
  return new MPEGDecoder()
}

async function makeFlac() {
  const { FLACDecoder } = await import('@wasm-audio-decoders/flac')
  return new FLACDecoder()
}

async function makeOpus() {
  const { OggOpusDecoder }: typeof import('ogg-opus-decoder') = await import(
    /* @vite-ignore */ /* webpackIgnore: true */ OPUS
  )
  return new OggOpusDecoder()
}

async function load<T>(name: string, make: () => Promise<T>): Promise<T> {
  try {
    return await make()
  } catch (cause) {
    throw new PithError('PITH_CAPABILITY', `${name}, which decodes such files, is not installed`, {
      cause,
      hint: `Run: npm install ${name}`,
    })
  }
}

async function use<D extends Decoder>(decoder: D, work: (decoder: D) => Promise<Decoded>): Promise<Decoded> {
  try {
    await decoder.ready
    return await work(decoder)
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new PithError('PITH_CORRUPT', `the sound can not be decoded: ${text.slice(0, SHOWN)}`, { cause })
  } finally {
    decoder.free()
  }
}

/** The library divides integers by the largest; divided by the next power of two they are exact, and as in other files. */
function toHalfOpen(samples: Float32Array, bits: number): void {
  const limit = 2 ** (bits - 1)
  for (let i = 0; i < samples.length; i++) samples[i] = Math.round((samples[i] as number) * (limit - 1)) / limit
}

/** Silence takes next to no bytes in FLAC: its header says how much is to come. */
function checkFlac(bytes: Uint8Array, maxSamples: number): void {
  if (bytes.length < 42) throw new PithError('PITH_TRUNCATED', 'the FLAC file ends in its header')
  if (((bytes[4] as number) & 0x7f) !== 0)
    throw new PithError('PITH_CORRUPT', 'the FLAC file does not begin with its facts')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const channels = (((bytes[20] as number) >> 1) & 7) + 1
  const samples = ((bytes[21] as number) & 15) * 2 ** 32 + view.getUint32(22)
  if (samples * channels > maxSamples) {
    throw new PithError('PITH_LIMIT', `the file has ${samples * channels} samples, at most ${maxSamples} are read`)
  }
}
