import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { isPithError } from '../errors.ts'
import * as onNode from './brotli.node.ts'
import * as onWeb from './brotli.web.ts'

beforeAll(async () => {
  const wasm = createRequire(import.meta.url).resolve('brotli-dec-wasm/web/bg.wasm')
  await onWeb.loadBrotli(new Uint8Array(readFileSync(wasm)))
})

const text = new TextEncoder().encode('the quick brown fox jumps over the lazy dog\n'.repeat(2000))

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    return isPithError(error) ? error.code : String(error)
  }
  return 'none'
}

describe.each([
  ['Node', onNode],
  ['web', onWeb],
] as const)('brotli on %s', (_, seam) => {
  test('decodes what Node encoded, at any quality', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), fc.integer({ min: 0, max: 11 }), (bytes, quality) => {
        const coded = onNode.brotliCompressSync(bytes, { quality })
        expect(seam.brotliDecompressSync(coded, bytes.length)).toEqual(bytes)
      }),
      { numRuns: 60 },
    )
  })

  test('asynchronous calls agree with synchronous ones', async () => {
    const coded = await onNode.brotliCompress(text, { quality: 5, lgwin: 24, text: true })
    expect(coded).toEqual(onNode.brotliCompressSync(text, { quality: 5, lgwin: 24, text: true }))
    expect(await seam.brotliDecompress(coded, text.length)).toEqual(text)
  })

  test('an output of exactly the limit passes, one byte less is PITH_LIMIT', () => {
    const coded = onNode.brotliCompressSync(text, { quality: 5 })
    expect(seam.brotliDecompressSync(coded, text.length).length).toBe(text.length)
    expect(codeOf(() => seam.brotliDecompressSync(coded, text.length - 1))).toBe('PITH_LIMIT')
    expect(codeOf(() => seam.brotliDecompressSync(coded, 0))).toBe('PITH_LIMIT')
  })

  test('a cut stream is PITH_TRUNCATED at every length, bytes behind it are PITH_CORRUPT', () => {
    const coded = onNode.brotliCompressSync(text, { quality: 5 })
    for (let length = 0; length < coded.length; length++) {
      expect(codeOf(() => seam.brotliDecompressSync(coded.subarray(0, length), text.length))).toBe('PITH_TRUNCATED')
    }
    const longer = new Uint8Array(coded.length + 3)
    longer.set(coded)
    expect(codeOf(() => seam.brotliDecompressSync(longer, text.length))).toBe('PITH_CORRUPT')
  })

  test('a flipped bit gives bytes or a typed error', () => {
    const coded = onNode.brotliCompressSync(text, { quality: 5 })
    for (let bit = 0; bit < coded.length * 8; bit += 3) {
      const broken = coded.slice()
      broken[bit >> 3]! ^= 1 << (bit & 7)
      const code = codeOf(() => seam.brotliDecompressSync(broken, text.length * 2))
      expect(['none', 'PITH_CORRUPT', 'PITH_TRUNCATED', 'PITH_LIMIT']).toContain(code)
    }
  })
})

test('pieces fed one by one give the bytes of one call, and an abort ends the work', async () => {
  const large = new Uint8Array(700_000).map((_, i) => (i * i) >> 7)
  const options = { quality: 6, lgwin: 24 }
  expect(await onNode.brotliCompress(large, options)).toEqual(onNode.brotliCompressSync(large, options))
  const controller = new AbortController()
  const pending = onNode.brotliCompress(large, { ...options, signal: controller.signal })
  controller.abort(new Error('enough'))
  await expect(pending).rejects.toThrow('enough')
})

test('a page without a compressor says what to load', () => {
  expect(codeOf(() => onWeb.brotliCompressSync(text, { quality: 5 }))).toBe('PITH_CAPABILITY')
})

test.each([['--conditions=pith-dev'], []])(
  'Node uses its own zlib and never loads the package for the web (%s)',
  (...flags) => {
    const script = `
    import { registerHooks } from 'node:module'
    const loaded = []
    registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
    const { brotliCompressSync, brotliDecompressSync, loadBrotli } = await import('@pith/core/brotli')
    await loadBrotli()
    brotliDecompressSync(brotliCompressSync(new Uint8Array(9), { quality: 1 }), 9)
    console.log(JSON.stringify(loaded))`
    const options = { cwd: import.meta.dirname, env: {} }
    const out = execFileSync(process.execPath, [...flags, '--input-type=module', '-e', script], options)
    const loaded: string[] = JSON.parse(String(out))
    expect(loaded.filter((url) => /brotli\.node\.[jt]s$/.test(url))).toHaveLength(1)
    expect(loaded.filter((url) => /brotli-dec-wasm|\.web\./.test(url))).toEqual([])
  },
)
