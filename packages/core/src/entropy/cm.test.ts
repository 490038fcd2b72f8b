import { describe, expect, test } from 'vitest'
import { compareTargets } from '../wasm/compare-targets.ts'
import { instantiateKernels } from '../wasm/kernels.ts'
import * as twin from './kernels/index.ts'
import { WASM_BASE64 } from './kernels.wasm.ts'

const SOURCE = { wasm: WASM_BASE64, twin }
const ROOM = 1 << 16

describe('context mixing', () => {
  test('symbols of 1 to 24 bits in all banks come back, and WebAssembly and the twin agree on every byte of memory', () => {
    const length = compareTargets(SOURCE, ({ exports, memory }) => {
      const base = memory.alloc(exports.cmCheckBytes(), 64)
      const dst = memory.alloc(ROOM)
      const written = exports.cmCheckEncode(base, 600, 5, dst, dst + ROOM)
      memory.u8.fill(0, base, base + exports.cmCheckBytes())
      expect(exports.cmCheckDecode(base, 600, 5, dst, dst + written)).toBe(600)
      return written
    })
    // 600 symbols have 7500 bits, two thirds of them repeats.
    expect(length).toBeGreaterThan(200)
    expect(length).toBeLessThan(700)
  })

  test('the end of the code is shortest, and one byte less is not enough or is all zeros', () => {
    const { exports, memory } = instantiateKernels(SOURCE)
    const base = memory.alloc(exports.cmCheckBytes(), 64)
    const dst = memory.alloc(ROOM)
    const again = (): void => void memory.u8.fill(0, base, base + exports.cmCheckBytes())
    for (let count = 0; count < 40; count++) {
      again()
      const written = exports.cmCheckEncode(base, count, count, dst, dst + ROOM)
      again()
      expect(exports.cmCheckDecode(base, count, count, dst, dst + written)).toBe(count)
      again()
      expect(exports.cmCheckEncode(base, count, count, dst, dst + written)).toBe(written)
      if (written === 0) continue
      again()
      expect(exports.cmCheckEncode(base, count, count, dst, dst + written - 1)).toBe(-1)
    }
  })

  test('damaged codes decode to other symbols without a trap', () => {
    const { exports, memory } = instantiateKernels(SOURCE)
    const base = memory.alloc(exports.cmCheckBytes(), 64)
    const dst = memory.alloc(ROOM)
    const written = exports.cmCheckEncode(base, 150, 3, dst, dst + ROOM)
    let whole = 0
    for (let i = 0; i < written; i += 3) {
      memory.u8[dst + i] ^= 0x40
      memory.u8.fill(0, base, base + exports.cmCheckBytes())
      if (exports.cmCheckDecode(base, 150, 3, dst, dst + written) === 150) whole++
      memory.u8[dst + i] ^= 0x40
    }
    expect(whole).toBeLessThan(2)
  })
})
