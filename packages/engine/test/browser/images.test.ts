import { decodeImage } from '@pith/engine/io/node'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPage, type TestPage } from '../../../../scripts/browser/open-page.ts'
import { picture, png } from '../io/pictures.ts'
import type { Decoded, ImagesInPage } from './images-page.ts'

declare const imagesInPage: ImagesInPage

let chromium: TestPage

beforeAll(async () => {
  chromium = await openPage({ page: new URL('./images-page.ts', import.meta.url) })
}, 60_000)
afterAll(() => chromium.close())

const decodeThere = (bytes: Uint8Array, maxPixels?: number): Promise<Decoded | string> =>
  chromium.page.evaluate(([own, most]) => imagesInPage.decode([...own], most), [[...bytes], maxPixels] as const)

test('an image has the pixels in Chromium that it has in Node', async () => {
  const opaque = picture(9, 7, 4).map((value, at) => (at % 4 === 3 ? 255 : value))
  const bytes = png(9, 7, opaque)
  const there = (await decodeThere(bytes)) as Decoded
  const here = await decodeImage(bytes)
  expect(there.size).toEqual([9, 7])
  expect(there.pixels).toEqual([...here.data])
  expect(there.tensor.length).toBe(36)
})

test('transparent pixels lie on black, to the rounding of a canvas', async () => {
  const bytes = png(9, 7, picture(9, 7, 4))
  const there = (await decodeThere(bytes)) as Decoded
  const here = await decodeImage(bytes, { decoder: 'pngjs' })
  const worst = there.pixels.reduce((most, value, i) => Math.max(most, Math.abs(value - (here.data[i] as number))), 0)
  expect(worst).toBeLessThanOrEqual(2)
})

test('damage, other formats and too many pixels give typed errors', async () => {
  const bytes = png(9, 7, picture(9, 7, 4))
  expect(await decodeThere(bytes, 62)).toBe('PITH_LIMIT')
  expect(await decodeThere(bytes.subarray(0, 40))).toBe('PITH_CORRUPT')
  expect(await decodeThere(bytes.subarray(0, 20))).toBe('PITH_TRUNCATED')
  expect(await decodeThere(new TextEncoder().encode('<svg></svg>'))).toBe('PITH_UNSUPPORTED')
  expect(chromium.errors).toEqual([])
})
