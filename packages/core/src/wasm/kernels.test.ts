import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { buildKernelModule, listKernelModules, outputOf } from '../../../../scripts/build-wasm.ts'
import * as twin from '../entropy/kernels/index.ts'
import { WASM_BASE64 } from '../entropy/kernels.wasm.ts'
import { isPithError } from '../errors.ts'
import { compareTargets } from './compare-targets.ts'
import { instantiateKernels, KernelMemory } from './kernels.ts'

const SOURCE = { wasm: WASM_BASE64, twin }

describe('kernels', () => {
  test('the committed modules are what a build makes', async () => {
    const entries = listKernelModules()
    expect(entries).toContain('packages/core/src/entropy/kernels/index.ts')
    for (const entry of entries) {
      const built = await buildKernelModule(entry)
      expect(readFileSync(outputOf(entry), 'utf8') === built, `${entry} is stale: npm run build:wasm`).toBe(true)
    }
  })

  test('every primitive of the portable memory means the same on both targets', () => {
    for (const seed of [0, 1, -1, 0x7fffffff, 123456789]) {
      compareTargets(SOURCE, ({ exports, memory }) => exports.selfCheck(memory.alloc(128), 5000, seed))
    }
  })

  test('comparing targets notices a difference in a result and in memory', () => {
    let turn = 0
    expect(() => compareTargets(SOURCE, () => turn++)).toThrow(/results differ/)
    expect(() =>
      compareTargets(SOURCE, ({ memory, target }) => {
        const at = memory.alloc(8)
        if (target === 'twin') memory.u8[at + 3] = 1
      }),
    ).toThrow(/memory differs at/)
  })

  test.each(['wasm', 'twin'] as const)('%s: memory grows, keeps its contents, and hands out zeroed bytes', (target) => {
    const { memory, exports } = instantiateKernels(SOURCE, { target })
    const first = memory.put(Uint8Array.of(1, 2, 3))
    const mark = memory.mark()
    const large = memory.alloc(300_000)
    memory.u8.fill(7, large, large + 300_000)
    expect(memory.take(first, 3)).toEqual(Uint8Array.of(1, 2, 3))
    memory.release(mark)
    const again = memory.alloc(400_000)
    expect(again).toBe(large)
    expect(memory.u8.subarray(again, again + 400_000).every((byte) => byte === 0)).toBe(true)
    expect(again % 16).toBe(0)
    expect(exports.selfCheck(again, 10, 1)).toBe(exports.selfCheck(memory.alloc(128), 10, 1))
    memory.reset()
    expect(memory.alloc(1)).toBe(first)
  })

  test('two twins keep their memories apart', () => {
    const a = instantiateKernels(SOURCE, { target: 'twin' })
    const b = instantiateKernels(SOURCE, { target: 'twin' })
    const at = a.memory.alloc(128)
    b.memory.alloc(128)
    a.exports.selfCheck(at, 3, 5)
    expect(b.memory.u8.every((byte) => byte === 0)).toBe(true)
    expect(a.memory.u8.some((byte) => byte !== 0)).toBe(true)
  })

  test.each(['wasm', 'twin'] as const)('%s: an allocation over the limit is refused before memory grows', (target) => {
    const memory = new KernelMemory(target, 1 << 20)
    for (const bytes of [1 << 20, 2 ** 40, -1, Number.NaN]) {
      expect(() => memory.alloc(bytes)).toThrow(expect.toSatisfy((e: unknown) => isPithError(e, 'PITH_LIMIT')))
    }
    expect(memory.buffer.byteLength).toBe(65536)
  })

  test('without WebAssembly the twin takes over, and asking for WebAssembly says why it fails', () => {
    const broken = { wasm: 'AAAA', twin }
    expect(instantiateKernels(broken).target).toBe('twin')
    expect(() => instantiateKernels(broken, { target: 'wasm' })).toThrow(
      expect.toSatisfy((e: unknown) => isPithError(e, 'PITH_UNSUPPORTED')),
    )
  })
})
