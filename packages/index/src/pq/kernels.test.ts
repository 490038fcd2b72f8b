import { Random } from '@pith/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PqKernels } from './memory.ts'
import { makeKernels, putFloats } from './memory.ts'

const both = [makeKernels('wasm'), makeKernels('twin')] as const

/** What both targets leave in `bytes` bytes of their memory, and return. */
function run(
  seed: number,
  call: (kernels: PqKernels, random: Random) => { out: number; bytes: number; returned?: number },
): { taken: number[]; returned: number | undefined }[] {
  return both.map((kernels) => {
    kernels.memory.reset()
    const { out, bytes, returned } = call(kernels, new Random(seed))
    return { taken: [...kernels.memory.take(out, bytes)], returned }
  })
}

function same(results: { taken: number[]; returned: number | undefined }[]): void {
  expect(results[0]).toEqual(results[1])
}

function floats(random: Random, count: number): Float32Array {
  return Float32Array.from({ length: count }, () => random.normal())
}

function bytesOf(random: Random, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => random.integer(256))
}

const seeds = fc.integer({ min: 0, max: 2 ** 30 })
const small = (max: number): fc.Arbitrary<number> => fc.integer({ min: 1, max })
const RUNS = { numRuns: 25 }

test('products and nearest centroids have the same bits on both targets', () => {
  fc.assert(
    fc.property(seeds, small(9), small(20), small(3), (seed, rows, inner, eighths) => {
      const cols = 8 * eighths
      const results = run(seed, (kernels, random) => {
        const a = putFloats(kernels, floats(random, rows * inner))
        const b = putFloats(kernels, floats(random, inner * cols))
        const panels = kernels.memory.alloc(4 * inner * cols)
        const out = kernels.memory.alloc(4 * rows * cols)
        kernels.exports.packPanels(b, inner, cols, panels)
        kernels.exports.product(a, rows, inner, panels, cols, out)
        return { out, bytes: 4 * rows * cols }
      })
      same(results)
      const random = new Random(seed)
      const [a, b] = [floats(random, rows * inner), floats(random, inner * cols)]
      const found = new Float32Array(Uint8Array.from(results[0]?.taken as number[]).buffer)
      let expected = 0
      for (let k = 0; k < inner; k++)
        expected += (a[(rows - 1) * inner + k] as number) * (b[k * cols + cols - 1] as number)
      expect(found.at(-1)).toBeCloseTo(expected, 4)
    }),
    RUNS,
  )
  fc.assert(
    fc.property(seeds, small(9), small(9), fc.constantFrom(16, 256), fc.boolean(), (seed, rows, width, count, ties) => {
      same(
        run(seed, (kernels, random) => {
          const draw = (n: number): Float32Array => floats(random, n).map((value) => (ties ? Math.round(value) : value))
          const x = putFloats(kernels, draw(rows * (width + 2)))
          const table = putFloats(kernels, draw(width * count))
          const halves = putFloats(kernels, draw(count))
          const out = kernels.memory.alloc(3 * rows)
          kernels.exports.nearest(x, rows, 4 * (width + 2), width, table, count, halves, out, 3)
          return { out, bytes: 3 * rows }
        }),
      )
    }),
    RUNS,
  )
})

test('tables and sums have the same bits on both targets', () => {
  fc.assert(
    fc.property(seeds, small(40), small(5), fc.boolean(), (seed, m, width, isDistance) => {
      for (const count of [16, 256]) {
        same(
          run(seed, (kernels, random) => {
            const q = putFloats(kernels, floats(random, m * width))
            const table = putFloats(kernels, floats(random, m * width * count))
            const out = kernels.memory.alloc(4 * m * count)
            kernels.exports.tables(q, table, m, width, count, isDistance ? 1 : 0, out)
            return { out, bytes: 4 * m * count }
          }),
        )
      }
    }),
    RUNS,
  )
  fc.assert(
    fc.property(seeds, small(40), small(70), fc.boolean(), (seed, m, n, listed) => {
      for (const bits of [4, 8]) {
        same(
          run(seed, (kernels, random) => {
            const { memory, exports } = kernels
            const lut = putFloats(kernels, floats(random, (bits === 8 ? 256 : 32) * m))
            const codes = memory.put(bytesOf(random, (n + 16) * m))
            const list = memory.put(new Uint8Array(Uint32Array.from({ length: n }, () => random.integer(n)).buffer))
            const out = memory.alloc(4 * n)
            const scan = bits === 8 ? exports.sums8 : exports.sums4
            scan(lut, codes, m, listed ? list : 0, 0, n, out)
            return { out, bytes: 4 * n }
          }),
        )
      }
    }),
    RUNS,
  )
})

test('scans for rows past a limit find the same on both targets', () => {
  const filtered = fc.boolean()
  fc.assert(
    fc.property(
      seeds,
      small(40),
      small(100),
      filtered,
      fc.integer({ min: 0, max: 4500 }),
      (seed, bytes, n, some, limit) => {
        const blocks = Math.ceil(n / 16)
        for (const name of ['fast4', 'hamming'] as const) {
          same(
            run(seed, (kernels, random) => {
              const { memory, exports } = kernels
              const lut = memory.put(bytesOf(random, 32 * bytes).map((level) => level >> 1))
              const rows = memory.put(bytesOf(random, 16 * blocks * bytes))
              const filter = memory.put(bytesOf(random, 4 * Math.ceil(n / 32)))
              const out = memory.alloc(8 * 16 * blocks)
              const at = name === 'fast4' ? limit : limit % (8 * bytes + 1)
              const returned = exports[name](lut, rows, bytes, 0, blocks, n, at, some ? filter : 0, out)
              return { out, bytes: 8 * returned, returned }
            }),
          )
        }
        same(
          run(seed, (kernels, random) => {
            const { memory, exports } = kernels
            const scores = putFloats(
              kernels,
              floats(random, n).map((value) => Math.round(4 * value)),
            )
            const least = putFloats(kernels, Float32Array.of(1))
            const filter = memory.put(bytesOf(random, 4 * Math.ceil((n + 40) / 32)))
            const out = memory.alloc(4 * n)
            const returned = exports.above(scores, 40, n, least, some ? filter : 0, out)
            return { out, bytes: 4 * returned, returned }
          }),
        )
      },
    ),
    RUNS,
  )
})

test('no sum of a fast scan leaves 16 bits, the largest included', () => {
  for (const { memory, exports } of both) {
    memory.reset()
    const lut = memory.put(new Uint8Array(516 * 16).fill(127))
    const rows = memory.put(bytesOf(new Random(1), 16 * 258))
    const out = memory.alloc(8 * 16)
    expect(exports.fast4(lut, rows, 258, 0, 1, 16, 65532, 0, out)).toBe(16)
    expect(memory.i32[(out >> 2) + 1]).toBe(65532)
  }
})

test('inner products have the same bits on both targets', () => {
  fc.assert(
    fc.property(seeds, small(12), small(9), fc.boolean(), fc.boolean(), (seed, quarters, n, listed, isDistance) => {
      const width = 4 * quarters
      for (const name of ['dotF32', 'dotF16', 'dotI8'] as const) {
        same(
          run(seed, (kernels, random) => {
            const { memory, exports } = kernels
            const own = name === 'dotI8' ? 4 * width : width
            const q = putFloats(kernels, floats(random, own))
            const norms = isDistance ? putFloats(kernels, floats(random, n)) : 0
            const out = memory.alloc(4 * n)
            const rows = memory.put(
              name === 'dotF32'
                ? new Uint8Array(floats(random, n * width).buffer)
                : // Halves with exponents below the one of infinity.
                  bytesOf(random, 2 * n * own).map((byte, i) =>
                    name === 'dotF16' && (i & 1) === 1 ? byte & 0xbb : byte,
                  ),
            )
            const list = listed
              ? memory.put(new Uint8Array(Uint32Array.from({ length: n }, () => random.integer(n)).buffer))
              : 0
            if (name === 'dotI8') {
              const scales = putFloats(kernels, floats(random, n))
              const query = memory.put(bytesOf(random, 2 * own))
              exports.dotI8(query, q, rows, own, scales, list, 0, n, norms, out)
            } else exports[name](q, rows, width, list, 0, n, norms, out)
            return { out, bytes: 4 * n }
          }),
        )
      }
    }),
    RUNS,
  )
})
