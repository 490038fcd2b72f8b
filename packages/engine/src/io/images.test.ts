import { expect, test } from 'vitest'
import { codeOf, failure } from '../../test/errors.ts'
import { JPEG, picture, png } from '../../test/io/pictures.ts'
import { type Image, imageHeader, imageTensor } from './images.ts'
import { decodeImage } from './node/images.ts'

test('sharp and pngjs give the same pixels, transparent ones on black', async () => {
  const rgba = picture(7, 5, 4)
  const wanted = Array.from({ length: 35 }, (_, i) =>
    [0, 1, 2].map((c) => Math.round(((rgba[4 * i + c] as number) * (rgba[4 * i + 3] as number)) / 255)),
  ).flat()
  for (const decoder of ['sharp', 'pngjs'] as const) {
    const { width, height, data } = await decodeImage(png(7, 5, rgba), { decoder })
    expect([width, height]).toEqual([7, 5])
    const worst = wanted.reduce((most, value, i) => Math.max(most, Math.abs(value - (data[i] as number))), 0)
    expect(worst).toBeLessThanOrEqual(1)
  }
})

test('headers name format and size', async () => {
  expect(imageHeader(png(7, 5, picture(7, 5, 4)))).toEqual({ format: 'png', width: 7, height: 5 })
  expect(imageHeader(JPEG)).toEqual({ format: 'jpeg', width: 3, height: 2 })
  expect(await decodeImage(JPEG)).toMatchObject({ width: 3, height: 2 })
  const gif = Uint8Array.of(...new TextEncoder().encode('GIF89a'), 4, 1, 2, 0)
  expect(imageHeader(gif)).toEqual({ format: 'gif', width: 260, height: 2 })
  const webp = (chunk: string, ...rest: number[]) =>
    Uint8Array.of(...new TextEncoder().encode(`RIFF....WEBP${chunk}`), ...rest)
  const plain = webp('VP8 ', 0, 0, 0, 0, 0, 0, 0, 0x9d, 0x01, 0x2a, 5, 0x40, 3, 0)
  expect(imageHeader(plain)).toEqual({ format: 'webp', width: 5, height: 3 })
  const lossless = webp('VP8L', 0, 0, 0, 0, 0x2f, 4, 0x80, 0, 0)
  expect(imageHeader(lossless)).toEqual({ format: 'webp', width: 5, height: 3 })
  const extended = webp('VP8X', 10, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 2, 0, 0)
  expect(imageHeader(extended)).toEqual({ format: 'webp', width: 5, height: 3 })
})

test('an image of too many pixels is refused by its header, before anything is unpacked', async () => {
  const bytes = png(7, 5, picture(7, 5, 4))
  new DataView(bytes.buffer).setUint32(16, 60_000)
  new DataView(bytes.buffer).setUint32(20, 60_000)
  for (const decoder of ['sharp', 'pngjs'] as const) {
    await expect(decodeImage(bytes, { decoder })).rejects.toMatchObject({ code: 'PITH_LIMIT' })
    await expect(decodeImage(png(7, 5, picture(7, 5, 4)), { decoder, maxPixels: 34 })).rejects.toMatchObject({
      code: 'PITH_LIMIT',
    })
  }
})

test('data that unpack to more than the picture are not unpacked', async () => {
  const bomb = png(7, 5, picture(7, 5, 4), { extra: 50_000_000, interlaced: true })
  expect(bomb.length).toBeLessThan(100_000)
  expect(await codeOf(decodeImage(bomb, { decoder: 'pngjs' }))).toBe('PITH_CORRUPT')
})

test('what is no image, or no whole one, is refused', async () => {
  const bytes = png(7, 5, picture(7, 5, 4))
  expect(failure(() => imageHeader(new TextEncoder().encode('<svg></svg>'))).code).toBe('PITH_UNSUPPORTED')
  expect(failure(() => imageHeader(bytes.subarray(0, 20))).code).toBe('PITH_TRUNCATED')
  expect(failure(() => imageHeader(JPEG.subarray(0, 30))).code).toBe('PITH_TRUNCATED')
  for (const decoder of ['sharp', 'pngjs'] as const) {
    const code = await codeOf(decodeImage(bytes.subarray(0, 60), { decoder }))
    expect(['PITH_TRUNCATED', 'PITH_CORRUPT']).toContain(code)
  }
  await expect(decodeImage(JPEG, { decoder: 'pngjs' })).rejects.toMatchObject({
    code: 'PITH_CAPABILITY',
    hint: 'Run: npm install sharp',
  })
})

const plain = (width: number, height: number, pixel: (x: number, y: number) => number[]): Image => ({
  width,
  height,
  data: Uint8Array.from(
    Array.from({ length: width * height }, (_, i) => pixel(i % width, Math.floor(i / width))).flat(),
  ),
})

test('a tensor has channels first, in the size asked for, normalised', () => {
  const image = plain(4, 2, (x, y) => [40 * x, 100 * y, 255])
  const same = imageTensor(image, { width: 4, height: 2 })
  expect(same.shape).toEqual([3, 2, 4])
  const row = [0, 40, 80, 120].map((value) => Math.fround(value / 255))
  expect([...same.data]).toEqual([
    ...[...row, ...row],
    ...[0, 0, 0, 0, ...Array(4).fill(Math.fround(100 / 255))],
    ...Array(8).fill(1),
  ])
  const normal = imageTensor(image, { width: 4, height: 2, mean: [0, 0, 0.5], std: [1, 1, 0.25] })
  expect([...normal.data].slice(16)).toEqual(Array(8).fill(2))
  const grey = imageTensor(
    plain(1, 1, () => [255, 0, 255]),
    { width: 1, height: 1, channels: 1 },
  )
  expect(grey.data[0]).toBeCloseTo(0.413, 6)
})

test('shrinking takes means over areas, growing goes in straight lines, sides are cut evenly', () => {
  const stripes = plain(8, 8, (x) => Array(3).fill(x % 2 === 0 ? 0 : 200))
  const small = imageTensor(stripes, { width: 2, height: 2, channels: 1 })
  for (const value of small.data as Float32Array) expect(value).toBeCloseTo(100 / 255, 1)
  const slope = imageTensor(
    plain(2, 1, (x) => Array(3).fill(100 * x)),
    { width: 4, height: 2, channels: 1 },
  )
  expect([...slope.data].slice(0, 4).map((value) => Math.round(Number(value) * 255))).toEqual([0, 25, 75, 100])
  const wide = plain(6, 2, (x) => [10 * x, 0, 0])
  const cut = imageTensor(wide, { width: 2, height: 2 })
  expect([...cut.data].slice(0, 2).map((value) => Math.round(Number(value) * 255))).toEqual([20, 30])
  expect(failure(() => imageTensor(wide, { width: 0, height: 2 })).code).toBe('PITH_ARG')
  expect(failure(() => imageTensor(wide, { width: 2, height: 2, mean: [0] })).code).toBe('PITH_ARG')
})
