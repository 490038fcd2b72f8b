import { isPithError } from '@pith/core'
import { anyBytes } from '@pith/core/testing'
import type { Kernels } from '@pith/core/wasm'
import { compareTargets } from '@pith/core/wasm/compare-targets'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytes, logs } from '../../test/log-inputs.ts'
import { encodeFirst, encodePiece } from './chunk-encode.ts'
import * as twin from './kernels/index.ts'
import { WASM_BASE64 } from './kernels.wasm.ts'
import { Prior } from './prior.ts'
import { viewOf } from './tasks.ts'
import { Workspace } from './workspace.ts'

type LogKernels = Kernels<typeof twin>

/** Run on both targets and give back what they agree on. */
function both<T>(calls: (kernels: LogKernels) => T): T {
  return compareTargets({ wasm: WASM_BASE64, twin }, calls)
}

function putDoubles({ memory }: LogKernels, values: readonly number[]): number {
  const at = memory.alloc(values.length * 8 + 8)
  new Float64Array(memory.buffer, at, values.length).set(values)
  return at
}

const doubles = ({ memory }: LogKernels, at: number, n: number): number[] => [...new Float64Array(memory.buffer, at, n)]

function words({ memory }: LogKernels, values: readonly number[]): number {
  const at = memory.alloc(values.length * 4 + 4)
  memory.i32.set(values, at >> 2)
  return at
}

const read = ({ memory }: LogKernels, at: number, n: number): number[] => [
  ...memory.i32.subarray(at >> 2, (at >> 2) + n),
]

/** Texts in memory: addresses of their starts and ends. */
function putTexts(kernels: LogKernels, texts: readonly string[]): { starts: number; ends: number } {
  const { memory } = kernels
  const places = texts.map((text) => {
    const at = memory.alloc(text.length + 16)
    memory.u8.set(bytes(text), at)
    return at
  })
  return {
    starts: words(kernels, places),
    ends: words(
      kernels,
      places.map((at, i) => at + (texts[i] as string).length),
    ),
  }
}

function takeTexts(kernels: LogKernels, starts: number, ends: number, n: number): string[] {
  const to = read(kernels, ends, n)
  return read(kernels, starts, n).map((at, i) =>
    String.fromCharCode(...kernels.memory.take(at, (to[i] as number) - at)),
  )
}

/** Numbers of texts by one spelling, with the rows that are no such number, and the texts of the numbers again. */
function numbers(
  texts: readonly string[],
  width: number,
  pad: number,
): { values: number[]; bad: number[]; again: string[] } {
  return both((kernels) => {
    const { memory, exports } = kernels
    const n = texts.length
    const { starts, ends } = putTexts(kernels, texts)
    const values = memory.alloc(n * 8)
    const list = memory.alloc(n * 4 + 4)
    const args = words(kernels, [starts, ends, n, width, pad, values, list, n])
    const bad = exports.parseNumbers(args)
    const [from, to] = [memory.alloc(n * 4), memory.alloc(n * 4)]
    exports.formatNumbers(values, n, width, pad, memory.alloc(n * 40), from, to)
    return {
      values: doubles(kernels, values, n),
      bad: read(kernels, list, bad),
      again: takeTexts(kernels, from, to, n),
    }
  })
}

describe('numbers', () => {
  test('the spellings: plain, padded with zeros, padded with spaces', () => {
    expect(
      numbers(['0', '7', '-7', '123456789012345', '007', '-0', '--1', '', '1a', '1234567890123456'], 0, 0),
    ).toMatchObject({
      values: [
        0, 7, -7, 123456789012345, 123456789012345, 123456789012345, 123456789012345, 123456789012345, 123456789012345,
        123456789012345,
      ],
      bad: [4, 5, 6, 7, 8, 9],
    })
    expect(numbers(['007', '000', '999', '07', '-07', ' 07'], 3, 48)).toMatchObject({
      values: [7, 0, 999, 999, 999, 999],
      bad: [3, 4, 5],
    })
    expect(numbers(['  7', '123', '   ', ' 07', '  0'], 3, 32)).toMatchObject({
      values: [7, 123, 123, 123, 0],
      bad: [2, 3],
    })
  })

  test('what parses is formatted to the same bytes', () => {
    const text = fc.oneof(
      fc.integer().map(String),
      fc.maxSafeInteger().map(String),
      fc.string({ unit: fc.constantFrom(...'0123456789- a'), maxLength: 18 }),
    )
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 12 }),
        fc.nat(20),
        fc.constantFrom(48, 32),
        (texts, width, pad) => {
          const { bad, again } = numbers(texts, width, pad)
          for (const [i, spelled] of texts.entries()) if (!bad.includes(i)) expect(again[i]).toBe(spelled)
        },
      ),
      { numRuns: 200 },
    )
  })

  test('values that no text has are written as something short', () => {
    for (const value of [-1, -(2 ** 53), 2 ** 53, 1e22, -1e22, 1e300, Number.POSITIVE_INFINITY, Number.NaN]) {
      for (const width of [0, 5, 20]) {
        const length = both((kernels) => {
          const { memory, exports } = kernels
          const [from, to, out] = [memory.alloc(8), memory.alloc(8), memory.alloc(64)]
          return exports.formatNumbers(putDoubles(kernels, [value]), 1, width, 48, out, from, to) - out
        })
        expect(length).toBeLessThanOrEqual(Math.max(18, width))
      }
    }
  })
})

describe('residuals', () => {
  test('each mode gives its numbers back, against zigzags worked by hand', () => {
    const values = [5, 9, 7, 7, 100]
    const others = [4, 9, 9, 0, 50]
    const residuals = (mode: number, base: number): number[] =>
      both((kernels) => {
        const { memory, exports } = kernels
        const out = memory.alloc(48)
        const back = memory.alloc(48)
        const rest = [putDoubles(kernels, others), words(kernels, [0, 1, 2, 3, 4]), 1] as const
        exports.toResiduals(mode, putDoubles(kernels, values), 5, base, ...rest, out)
        exports.fromResiduals(mode, out, 5, base, ...rest, back)
        expect(doubles(kernels, back, 5)).toEqual(values)
        return doubles(kernels, out, 5)
      })
    expect(residuals(0, 5)).toEqual([0, 4, 2, 2, 95])
    expect(residuals(1, 5)).toEqual([0, 8, 3, 0, 186])
    expect(residuals(2, 1)).toEqual([0, 1, 5, 12, 98])
    expect(residuals(3, 1)).toEqual([0, 1, 3, 18, 86])
  })

  test('a unit a million times finer', () => {
    both((kernels) => {
      const { memory, exports } = kernels
      const values = [1_700_000_000_123_456, 1_700_000_001_000_000]
      const rest = [putDoubles(kernels, [1_700_000_000, 1_700_000_001]), words(kernels, [0, 1]), 1e6] as const
      const [out, back] = [memory.alloc(16), memory.alloc(16)]
      exports.toResiduals(2, putDoubles(kernels, values), 2, 0, ...rest, out)
      expect(doubles(kernels, out, 2)).toEqual([246_912, 0])
      exports.fromResiduals(2, out, 2, 0, ...rest, back)
      expect(doubles(kernels, back, 2)).toEqual(values)
    })
  })
})

describe('varints', () => {
  const trip = (values: readonly number[]): { length: number; back: number[]; cut: number[] } =>
    both((kernels) => {
      const { memory, exports } = kernels
      const out = memory.alloc(values.length * 8 + 8)
      const end = exports.putVarints(putDoubles(kernels, values), values.length, out)
      const back = memory.alloc(values.length * 8 + 8)
      expect(exports.getVarints(out, end, values.length, back)).toBe(end)
      const cut: number[] = []
      for (let at = out; at < end; at++)
        cut.push(exports.getVarints(out, at, values.length, memory.alloc(values.length * 8)))
      return { length: end - out, back: doubles(kernels, back, values.length), cut }
    })

  test('come back up to 2^53 - 1, and each cut is noticed', () => {
    const edges = [
      0,
      1,
      127,
      128,
      16383,
      16384,
      2 ** 21 - 1,
      2 ** 28 - 1,
      2 ** 28,
      2 ** 31 - 1,
      2 ** 31,
      2 ** 32,
      2 ** 52,
      2 ** 53 - 1,
    ]
    for (const value of edges) {
      const { length, back, cut } = trip([value])
      expect(back).toEqual([value])
      expect(length).toBe(Math.max(1, Math.ceil(value.toString(2).length / 7)))
      expect(new Set(cut)).toEqual(new Set(length > 0 ? [-1] : []))
    }
    fc.assert(
      fc.property(fc.array(fc.maxSafeNat(), { maxLength: 20 }), (values) => {
        expect(trip(values).back).toEqual(values)
      }),
      { numRuns: 40 },
    )
  })

  test('a number beyond 53 bits is refused', () => {
    for (const code of [
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10],
      [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
      new Array(40).fill(0xff),
    ]) {
      const end = both((kernels) => {
        const { memory, exports } = kernels
        const at = memory.put(Uint8Array.from(code))
        return exports.getVarints(at, at + code.length, 1, memory.alloc(8))
      })
      expect(end).toBe(-1)
    }
  })
})

describe('texts and ids', () => {
  test('ids count texts in the order of their first row, behind those that are known', () => {
    const intern = (
      texts: readonly string[],
      known: readonly string[],
      most: number,
    ): { distinct: number; ids: number[] } =>
      both((kernels) => {
        const { memory, exports } = kernels
        const n = texts.length
        const { starts, ends } = putTexts(kernels, texts)
        const before = putTexts(kernels, known)
        const pairs = memory.alloc((most + 1) * 8 + 8)
        for (let i = 0; i < known.length; i++) {
          memory.i32[(pairs >> 2) + 2 * i] = read(kernels, before.starts, known.length)[i] as number
          memory.i32[(pairs >> 2) + 2 * i + 1] = read(kernels, before.ends, known.length)[i] as number
        }
        const ids = memory.alloc(n * 4 + 4)
        const table = memory.alloc(64 * 8)
        const distinct = exports.internRows(
          words(kernels, [starts, ends, n, ids, pairs, known.length, most, table, 63]),
        )
        return { distinct, ids: distinct < 0 ? [] : read(kernels, ids, n) }
      })
    expect(intern(['b', 'a', 'b', '', 'ab', ''], [], 9)).toEqual({ distinct: 4, ids: [0, 1, 0, 2, 3, 2] })
    expect(intern(['b', 'a', 'b'], ['x', 'b'], 9)).toEqual({ distinct: 3, ids: [1, 2, 1] })
    expect(intern(['a', 'b', 'c'], [], 2)).toEqual({ distinct: -1, ids: [] })
  })

  test('rows of the same lines are found, and a line that the other lacks is noticed', () => {
    const match = (lines: readonly number[], other: readonly number[]): number[] | undefined =>
      both((kernels) => {
        const out = kernels.memory.alloc(lines.length * 4)
        const found = kernels.exports.matchRows(
          words(kernels, lines),
          lines.length,
          words(kernels, other),
          other.length,
          out,
        )
        return found === 1 ? read(kernels, out, lines.length) : undefined
      })
    expect(match([1, 4, 6], [0, 1, 2, 4, 6, 7])).toEqual([1, 3, 4])
    expect(match([1, 4], [1, 3])).toBeUndefined()
    expect(match([9], [1, 3])).toBeUndefined()
  })

  test('rows equal to another column are left out and put back', () => {
    const text = fc.constantFrom('', 'a', 'ab', 'abcde', 'abcdf')
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 20 }), (pairs) => {
        both((kernels) => {
          const { memory, exports } = kernels
          const n = pairs.length
          const own = putTexts(
            kernels,
            pairs.map(([a]) => a),
          )
          const other = putTexts(
            kernels,
            pairs.map(([, b]) => b),
          )
          const match = words(kernels, [...pairs.keys()])
          const [flags, restStarts, restEnds] = [memory.alloc(n), memory.alloc(n * 4), memory.alloc(n * 4)]
          const left = exports.splitEqual(
            words(kernels, [own.starts, own.ends, n, other.starts, other.ends, match, flags, restStarts, restEnds]),
          )
          expect(left).toBe(pairs.filter(([a, b]) => a !== b).length)
          const [starts, ends] = [memory.alloc(n * 4), memory.alloc(n * 4)]
          const merge = (rest: number): number =>
            exports.mergeEqual(
              words(kernels, [flags, n, restStarts, restEnds, rest, other.starts, other.ends, match, starts, ends]),
            )
          expect(merge(left)).toBe(1)
          expect(takeTexts(kernels, starts, ends, n)).toEqual(pairs.map(([a]) => a))
          expect(merge(left + 1)).toBe(0)
          if (left > 0) expect(merge(left - 1)).toBe(0)
        })
      }),
      { numRuns: 40 },
    )
  })

  test('joined texts are split again, and a missing end is noticed', () => {
    both((kernels) => {
      const { memory, exports } = kernels
      const texts = ['', 'a', 'longer than sixteen bytes', '\r', '']
      const { starts, ends } = putTexts(kernels, texts)
      const total = exports.textBytes(starts, ends, 5)
      const out = memory.alloc(total + 16)
      expect(exports.joinRows(starts, ends, 5, out)).toBe(out + total)
      const [from, to] = [memory.alloc(20), memory.alloc(20)]
      expect(exports.splitTexts(out, out + total, 5, from, to, 4)).toBe(out + total)
      expect(takeTexts(kernels, from, to, 5)).toEqual(texts)
      expect(exports.splitTexts(out, out + total - 1, 5, from, to, 4)).toBe(-1)
    })
  })
})

describe('a whole chunk', () => {
  const [wasm, slow] = [new Workspace('wasm'), new Workspace('twin')]

  test('is the same from WebAssembly and its twin, and each reads it', () => {
    fc.assert(
      fc.property(fc.oneof(logs(60), anyBytes(1500)), (log) => {
        fc.pre(log.length > 0)
        const a = encodeFirst(wasm, log, { level: 'fast' })
        const b = encodeFirst(slow, log, { level: 'fast' })
        expect(b.chunks).toEqual(a.chunks)
        const [later] = encodePiece(wasm, log, a.prior, { level: 'fast' })
        expect(encodePiece(slow, log, b.prior, { level: 'fast' })[0]).toEqual(later)
        for (const workspace of [wasm, slow]) {
          expect(viewOf(workspace, later!.blocks, a.prior).render()).toEqual(log)
        }
      }),
      { numRuns: 25 },
    )
  })

  test('a prior of another log is noticed', () => {
    const { prior } = encodeFirst(wasm, bytes('a 1 b 2\n'.repeat(9)), { level: 'fast' })
    const [chunk] = encodePiece(wasm, bytes('a 5 b 6\na 7 b 8\n'), prior, { level: 'fast' })
    try {
      viewOf(wasm, chunk!.blocks, Prior.empty()).render()
      expect.unreachable()
    } catch (error) {
      expect(isPithError(error)).toBe(true)
    }
  })
})
