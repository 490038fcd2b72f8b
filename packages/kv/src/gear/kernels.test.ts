import { f16FromF32, Random } from '@pith/core'
import { instantiateKernels, type KernelMemory } from '@pith/core/wasm'
import { compareTargets } from '@pith/core/wasm/compare-targets'
import { expect, test } from 'vitest'
import * as twin from './kernels/index.ts'
import { WASM_BASE64 } from './kernels.wasm.ts'

const SOURCE = { wasm: WASM_BASE64, twin }

function putFloats(memory: KernelMemory, numbers: ArrayLike<number>): number {
  return memory.put(new Uint8Array(Float32Array.from(numbers).buffer))
}

function putHalves(memory: KernelMemory, numbers: ArrayLike<number>): number {
  return memory.put(new Uint8Array(f16FromF32(Float32Array.from(numbers)).buffer))
}

function takeFloats(memory: KernelMemory, at: number, count: number): number[] {
  return [...new Float32Array(memory.take(at, 4 * count).buffer)]
}

const CASES = [2, 3, 4].flatMap((bits) => [4, 64, 128].map((lines) => [bits, lines] as const))

test.each(CASES)('tiles of %i bits and %i lines, and their outliers, are the same on both targets', (bits, lines) => {
  const size = lines * (4 + 8 * bits)
  compareTargets(SOURCE, ({ exports, memory }) => {
    const random = new Random(100 * bits + lines)
    const weights = putFloats(
      memory,
      Array.from({ length: 2 * lines }, () => random.normal()),
    )
    const tiles = memory.alloc(2 * size)
    for (let i = 0; i < 2 * size; i++) memory.u8[tiles + i] = random.integer(256)
    // Scales and zeros, with the smallest numbers of half precision among them.
    for (const tile of [tiles, tiles + size]) {
      const halves = f16FromF32(Float32Array.from({ length: 2 * lines }, (_, i) => random.normal() * 10 ** -(i % 8)))
      memory.u8.set(new Uint8Array(halves.buffer), tile)
    }
    const out = putFloats(
      memory,
      Array.from({ length: 128 }, () => random.normal()),
    )
    const scratch = memory.alloc(4 * lines)
    exports.addTiles(weights, 4 * lines, tiles, size, 2, lines, bits, out, 256, scratch)
    const list = memory.alloc(4 * 50)
    const values = f16FromF32(Float32Array.from({ length: 50 }, () => 5 * random.normal()))
    for (let i = 0; i < 50; i++) {
      const entry = [random.integer(64 * lines), values[i] as number].flatMap((x) => [x & 255, x >> 8])
      memory.u8.set(entry, list + 4 * i)
    }
    exports.addOutliers(weights, tiles, lines, bits, list, 50, out)
    return takeFloats(memory, out, 128)
  })
})

test.each([0, 1, 7, 64])('%i rows times numbers are the same on both targets', (lines) => {
  const got = compareTargets(SOURCE, ({ exports, memory }) => {
    const v = putFloats(
      memory,
      Array.from({ length: lines }, (_, i) => i / 3),
    )
    const rows = putFloats(
      memory,
      Array.from({ length: lines * 20 }, (_, i) => Math.sin(i)),
    )
    const out = putFloats(memory, new Array(12).fill(1))
    exports.addRows(v, rows, lines, 20, 12, out)
    return takeFloats(memory, out, 12)
  })
  for (const [i, value] of got.entries()) {
    let wanted = 1
    for (let l = 0; l < lines; l++) wanted += (l / 3) * Math.sin(20 * l + i)
    expect(value).toBeCloseTo(wanted, 3)
  }
})

test.each([4, 64, 1000])('powers of %i scores are those of Math.exp, and the same on both targets', (count) => {
  const random = new Random(count)
  const scores = Float32Array.from({ length: count }, (_, i) => (i % 5 === 4 ? -1e30 : 12 * random.normal()))
  const got = compareTargets(SOURCE, ({ exports, memory }) => {
    const at = putFloats(memory, scores)
    const sum = memory.alloc(16)
    exports.softmax(at, count, sum)
    return [...takeFloats(memory, sum, 1), ...takeFloats(memory, at, count)]
  })
  const most = Math.max(...scores)
  const wanted = Array.from(scores, (score) => Math.exp(Math.fround(score - most)))
  const total = wanted.reduce((a, b) => a + b)
  expect(Math.abs((got[0] as number) / total - 1)).toBeLessThan(1e-5)
  for (const [i, power] of wanted.entries()) {
    const own = got[i + 1] as number
    // What is nothing beside the largest stays nothing.
    if (power < 1e-37) expect(own).toBeLessThan(1e-36)
    else expect(Math.abs(own / power - 1)).toBeLessThan(1e-6)
  }
})

test('halves of all sizes are read as they are', () => {
  const numbers = [0, 6e-8, -6e-8, 6.1e-5, -1, 0.333, 65504, -65504]
  const { exports, memory } = instantiateKernels(SOURCE)
  const size = 4 * (4 + 16)
  for (const number of numbers) {
    const tile = memory.alloc(size)
    memory.u8.set(memory.take(putHalves(memory, [0, 0, 0, 0, number, 0, 0, 0]), 16), tile)
    const out = memory.alloc(256)
    exports.addTiles(putFloats(memory, [1, 0, 0, 0]), 0, tile, size, 1, 4, 2, out, 0, memory.alloc(16))
    const [wanted] = new Float32Array(1).fill(number)
    expect(Math.abs((takeFloats(memory, out, 1)[0] as number) - (wanted as number))).toBeLessThanOrEqual(
      Math.max(3e-8, Math.abs(number) / 2000),
    )
  }
})
