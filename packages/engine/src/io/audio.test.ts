import { readFileSync } from 'node:fs'
import { Random } from '@pith/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codeOf, failure } from '../../test/errors.ts'
import { flacFile, mp3File, opusFile } from '../../test/io/sounds.ts'
import { type Audio, readWav, type WavFormat, writeWav } from './audio.ts'
import { audioFormat, decodeAudio } from './audio-decode.ts'
import { resample, resampleAudio } from './audio-resample.ts'

/** Samples that a format holds exactly. */
function noise(length: number, steps: number, seed: number): Float32Array {
  const random = new Random(seed)
  return Float32Array.from({ length }, () => Math.floor((random.uniform() * 2 - 1) * steps) / steps)
}

function sine(length: number, rate: number, hertz: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => Math.sin((2 * Math.PI * hertz * i) / rate))
}

describe('WAV', () => {
  test.each<[WavFormat, number]>([
    ['u8', 128],
    ['s16', 32768],
    ['s24', 8388608],
    ['s32', 8388608],
    ['f32', 8388608],
    ['f64', 8388608],
  ])('samples of %s come back', (format, steps) => {
    for (const [channels, length] of [
      [1, 7],
      [2, 5],
      [3, 0],
    ] as const) {
      const sound: Audio = {
        sampleRate: 22_050,
        channels: Array.from({ length: channels }, (_, i) => noise(length, steps, i)),
      }
      expect(readWav(writeWav(sound, format))).toEqual(sound)
    }
  })

  test('what is too loud is cut off, and no number is silence', () => {
    const { channels } = readWav(writeWav({ sampleRate: 8000, channels: [Float32Array.of(2, -2, Number.NaN, 1)] }))
    expect([...(channels[0] as Float32Array)]).toEqual([32767 / 32768, -1, 0, 32767 / 32768])
  })

  test('the bytes are those that other programs write', () => {
    const bytes = writeWav({ sampleRate: 44_100, channels: [Float32Array.of(0.5), Float32Array.of(-0.5)] })
    expect(Buffer.from(bytes).toString('hex')).toBe(
      '524946462800000057415645666d7420100000000100020044ac000010b102000400100064617461040000000' + '04000c0',
    )
  })

  test('other parts are passed over, an extensible format and an open length are read', () => {
    const plain = writeWav({ sampleRate: 8000, channels: [Float32Array.of(0.25, -0.25)] })
    const extended = new Uint8Array(12 + 10 + 8 + 40 + 8 + 4)
    const view = new DataView(extended.buffer)
    extended.set(plain.subarray(0, 12))
    extended.set(new TextEncoder().encode('LIST'), 12)
    view.setUint32(16, 1, true)
    extended.set(new TextEncoder().encode('fmt '), 22)
    view.setUint32(26, 40, true)
    extended.set(plain.subarray(20, 36), 30)
    view.setUint16(30, 0xfffe, true)
    view.setUint16(54, 1, true)
    extended.set(new TextEncoder().encode('data'), 70)
    view.setUint32(74, 0xffffffff, true)
    extended.set(plain.subarray(44), 78)
    expect(readWav(extended)).toEqual(readWav(plain))
  })

  test('hostile headers are refused', () => {
    const good = writeWav({ sampleRate: 8000, channels: [noise(16, 128, 1)] })
    const broken = (change: (view: DataView) => void): string => {
      const bytes = good.slice()
      change(new DataView(bytes.buffer))
      return failure(() => readWav(bytes)).code
    }
    expect(broken((view) => view.setUint32(0, 0))).toBe('PITH_CORRUPT')
    expect(broken((view) => view.setUint16(22, 0, true))).toBe('PITH_CORRUPT')
    expect(broken((view) => view.setUint16(22, 65535, true))).toBe('PITH_CORRUPT')
    expect(broken((view) => view.setUint32(24, 0, true))).toBe('PITH_CORRUPT')
    expect(broken((view) => view.setUint16(32, 3, true))).toBe('PITH_CORRUPT')
    expect(broken((view) => view.setUint16(34, 12, true))).toBe('PITH_UNSUPPORTED')
    expect(broken((view) => view.setUint16(20, 85, true))).toBe('PITH_UNSUPPORTED')
    expect(broken((view) => view.setUint32(16, 0xfffffff0, true))).toBe('PITH_TRUNCATED')
    expect(broken((view) => view.setUint32(40, 0x7fffffff, true))).toBe('PITH_TRUNCATED')
    expect(broken((view) => view.setUint32(40, 31, true))).toBe('PITH_CORRUPT')
    expect(failure(() => readWav(good, { maxSamples: 15 })).code).toBe('PITH_LIMIT')
    for (let length = 0; length < good.length; length++) {
      expect(failure(() => readWav(good.subarray(0, length))).code).toMatch(/^PITH_(TRUNCATED|CORRUPT)$/)
    }
  })

  test('channels of different lengths are refused', () => {
    const channels = [new Float32Array(2), new Float32Array(3)]
    expect(failure(() => writeWav({ sampleRate: 8000, channels })).code).toBe('PITH_SHAPE')
  })
})

describe('another rate', () => {
  test.each([
    [44_100, 16_000, 1000],
    [16_000, 48_000, 3000],
    [48_000, 44_100, 15_000],
    [8000, 8001, 440],
    [44_100, 22_050, 5000],
  ])('a sine at %i Hz is the same sine at %i Hz', (from, to, hertz) => {
    const length = 4000
    const out = resample(sine(length, from, hertz), from, to)
    expect(out.length).toBe(Math.ceil((length * to) / from))
    const want = sine(out.length, to, hertz)
    const edge = Math.ceil((100 * to) / from) + 100
    let worst = 0
    for (let i = edge; i < out.length - edge; i++) {
      worst = Math.max(worst, Math.abs((out[i] as number) - (want[i] as number)))
    }
    expect(worst).toBeLessThan(2e-5)
  })

  test('what the lower rate cannot hold is 90 dB down', () => {
    const out = resample(sine(8000, 44_100, 9500), 44_100, 16_000)
    expect(Math.max(...out.subarray(300, -300).map(Math.abs))).toBeLessThan(10 ** (-90 / 20))
  })

  test('a constant stays one, equal rates copy, and channels go each for itself', () => {
    const ones = new Float32Array(2000).fill(1)
    for (const value of resample(ones, 44_100, 32_000).subarray(200, -200)) expect(value).toBeCloseTo(1, 6)
    expect(resample(ones, 8000, 8000)).toEqual(ones)
    const stereo = resampleAudio({ sampleRate: 8000, channels: [ones, ones.map(() => 0)] }, 4000)
    expect(stereo.sampleRate).toBe(4000)
    expect(stereo.channels.map((own) => own.length)).toEqual([1000, 1000])
    expect(stereo.channels[1]?.every((value) => value === 0)).toBe(true)
  })

  test('any lengths and rates', () => {
    const rate = fc.integer({ min: 1, max: 200 })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), rate, rate, (length, from, to) => {
        const out = resample(noise(length, 100, 1), from, to)
        expect(out.length).toBe(Math.ceil((length * to) / from))
        expect(out.every(Number.isFinite)).toBe(true)
      }),
      { numRuns: 50 },
    )
  })

  test('rates and settings out of range are refused', () => {
    const one = new Float32Array(1)
    expect(failure(() => resample(one, 0, 1)).code).toBe('PITH_ARG')
    expect(failure(() => resample(one, 1, 1.5)).code).toBe('PITH_ARG')
    expect(failure(() => resample(one, 1, 2, { rolloff: 2 })).code).toBe('PITH_ARG')
    expect(failure(() => resample(new Float32Array(1000), 1, 2 ** 30)).code).toBe('PITH_LIMIT')
  })
})

describe('compressed sound', () => {
  test('FLAC gives its samples to the bit', async () => {
    const samples = Int16Array.from({ length: 576 }, (_, i) => ((i * 7919) % 65_536) - 32_768)
    const { sampleRate, channels } = await decodeAudio(flacFile(samples))
    expect(sampleRate).toBe(44_100)
    expect(channels.length).toBe(1)
    expect([...(channels[0] as Float32Array)]).toEqual(Array.from(samples, (value) => value / 32_768))
  })

  test('MP3 and Ogg Opus give as much silence as they say', async () => {
    const mp3 = await decodeAudio(mp3File(8))
    expect(mp3.sampleRate).toBe(44_100)
    expect(mp3.channels[0]?.length).toBeGreaterThan(4 * 1152)
    expect(mp3.channels[0]?.every((value) => value === 0)).toBe(true)
    const opus = await decodeAudio(opusFile(10))
    expect(opus.sampleRate).toBe(48_000)
    expect(opus.channels[0]?.length).toBe(9600)
    expect(opus.channels[0]?.every((value) => Math.abs(value) < 1e-3)).toBe(true)
  })

  test('WAV goes the same way, other files are refused', async () => {
    const sound = { sampleRate: 8000, channels: [noise(10, 100, 3)] }
    expect(await decodeAudio(writeWav(sound, 'f32'))).toEqual(sound)
    expect(await codeOf(decodeAudio(new Uint8Array(100)))).toBe('PITH_UNSUPPORTED')
    expect(audioFormat(readFileSync(new URL('../../../../examples/sample/net.onnx', import.meta.url)))).toBeUndefined()
  })

  test('damage is a typed error', async () => {
    const flac = flacFile(new Int16Array(192))
    expect(await codeOf(decodeAudio(flac.subarray(0, 30)))).toBe('PITH_TRUNCATED')
    expect(await codeOf(decodeAudio(flac.subarray(0, 42)))).toBe('PITH_CORRUPT')
    expect(await codeOf(decodeAudio(flac, { maxSamples: 100 }))).toBe('PITH_LIMIT')
    expect(await codeOf(decodeAudio(flacFile(new Int16Array(192), 2 ** 35)))).toBe('PITH_LIMIT')
    expect(await codeOf(decodeAudio(mp3File(2).subarray(0, 100)))).toBe('PITH_CORRUPT')
    expect(await codeOf(decodeAudio(opusFile(2).subarray(0, 40)))).toBe('PITH_CORRUPT')
  })
})
