import { anyBytes } from '@pith/core/testing'
import { compareTargets } from '@pith/core/wasm/compare-targets'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytes, logs } from '../../test/log-inputs.ts'
import * as twin from './kernels/index.ts'
import { WASM_BASE64 } from './kernels.wasm.ts'
import { Workspace } from './workspace.ts'

const workspace = new Workspace()

/** Lines of a text as `text|code`. */
function split(text: string): string[] {
  workspace.reset()
  const { memory, kernels } = workspace
  const n = text.length
  const source = memory.alloc(n + 64)
  memory.u8.set(bytes(text), source)
  const most = kernels.countNewlines(source, n) + 1
  const [starts, ends] = [workspace.words(most), workspace.words(most)]
  const eols = memory.alloc(most)
  const lines = kernels.splitLines(source, n, starts, ends, eols)
  return Array.from({ length: lines }, (_, i) => {
    const [from, to] = [workspace.word(starts, i) - source, workspace.word(ends, i) - source]
    return `${text.slice(from, to)}|${memory.u8[eols + i]}`
  })
}

interface Scanned {
  /** Slots of each line, or undefined where it is raw. */
  slots: (string[] | undefined)[]
  /** Number of the signature of each line, -1 where it is raw. */
  signatures: number[]
}

function scan(text: string, maxLine: number = 65536, maxSignatures: number = 100): Scanned {
  workspace.reset()
  const { memory, kernels } = workspace
  const n = text.length
  const source = memory.alloc(n + 64)
  memory.u8.set(bytes(text), source)
  const most = kernels.countNewlines(source, n) + 1
  const [starts, ends, slotBase, lineSignature] = [0, 0, 0, 0].map(() => workspace.words(most)) as [
    number,
    number,
    number,
    number,
  ]
  const lines = kernels.splitLines(source, n, starts, ends, memory.alloc(most))
  const [tokens, marks] = [memory.alloc(n + 64), memory.alloc(n + 64)]
  kernels.buildMasks(source, n, tokens, marks)
  const slots = workspace.words(2 * n + 16)
  const table = workspace.words(1024)
  const records = workspace.words(4 * maxSignatures)
  const found = kernels.scanLines(
    workspace.args(
      source,
      lines,
      starts,
      ends,
      tokens,
      marks,
      slots,
      n + 8,
      slotBase,
      lineSignature,
      table,
      1023,
      records,
      maxSignatures,
      maxLine,
    ),
  )
  const word = (at: number, i: number): number => workspace.word(at, i)
  const result: Scanned = { slots: [], signatures: [] }
  for (let line = 0; line < lines; line++) {
    const signature = word(lineSignature, line)
    expect(signature).toBeLessThan(found)
    result.signatures.push(signature)
    if (signature < 0) {
      result.slots.push(undefined)
      continue
    }
    const count = word(records, signature * 4 + 3)
    const own: string[] = []
    for (let k = 0; k < count; k++) {
      const at = slots + (word(slotBase, line) + k) * 8
      own.push(text.slice(word(at, 0) - source, word(at, 1) - source))
    }
    result.slots.push(own)
  }
  return result
}

const slotsOf = (line: string): string[] | undefined => scan(line).slots[0]

describe('lines', () => {
  test('endings are kept apart: LF, CRLF, none', () => {
    expect(split('a\nb\r\nc')).toEqual(['a|0', 'b|1', 'c|2'])
    expect(split('a\n')).toEqual(['a|0'])
    expect(split('\n\r\n\r')).toEqual(['|0', '|1', '\r|2'])
    expect(split('a\r\r\nb\rc\n')).toEqual(['a\r|1', 'b\rc|0'])
    expect(split('\0\n\0')).toEqual(['\0|0', '\0|2'])
    expect(split('')).toEqual([])
  })

  test('lines put together with their endings are the text, at any length', () => {
    fc.assert(
      fc.property(anyBytes(300), (raw) => {
        const text = String.fromCharCode(...raw)
        const endings = ['\n', '\r\n', '']
        const again = split(text).map((line) => line.slice(0, -2) + endings[Number(line.at(-1))])
        expect(again.join('')).toBe(text)
      }),
    )
  })

  test('the place behind the k-th newline', () => {
    workspace.reset()
    const text = `a\n${'b'.repeat(30)}\n\nc`
    const at = workspace.memory.alloc(text.length + 64)
    workspace.memory.u8.set(bytes(text), at)
    const offsets = [1, 2, 3, 4].map((k) => workspace.kernels.offsetOfLine(at, text.length, k))
    expect(offsets).toEqual([2, 33, 34, -1])
  })
})

describe('slots', () => {
  test('a token that holds a digit varies, one without does not', () => {
    expect(slotsOf('user u17 from 10.0.0.1 port 22')).toEqual(['u17', '10', '0', '0', '1', '22'])
    expect(slotsOf('nothing here')).toEqual([])
    expect(slotsOf('0xDEAD:beef1-9')).toEqual(['0xDEAD', 'beef1', '9'])
    expect(slotsOf('größe7 ä')).toEqual(['größe7'])
  })

  test('a sign belongs to its number where a number can begin', () => {
    const line = 'blk_-12 x=-3 (-4) [-5] a:-6 7,-8 -9'
    expect(slotsOf(line)).toEqual(['-12', '-3', '-4', '-5', '-6', '7', '-8', '-9'])
    expect(slotsOf('1-2 --3 a-4')).toEqual(['1', '2', '3', '4'])
  })

  test('spaces before a padded number go with it, but for the first', () => {
    expect(slotsOf('Jun  9 and   7')).toEqual([' 9', '  7'])
    expect(scan('Jun  9 x\nJun 10 x\n').signatures).toEqual([0, 0])
  })

  test('quoted texts are slots where a line has two or more, or is JSON, unless they are keys', () => {
    expect(slotsOf('a "b c 1" d "2 3"')).toEqual(['b c 1', '2 3'])
    expect(slotsOf('a "b c 1" d 2')).toEqual(['1', '2'])
    expect(slotsOf('{"k1":"v","k2":3}')).toEqual(['v', '3'])
    expect(slotsOf('"" "a\\"b" "c')).toEqual(['', 'a\\"b'])
    expect(slotsOf('say "x\\\\" "5"')).toEqual(['x\\\\', '5'])
    expect(slotsOf('{open "1 2')).toEqual(['1', '2'])
  })

  test('quotes that nothing closes take linear work', () => {
    const line = `{"a":"${'\\"'.repeat(32_000)}`
    expect(scan(`${line}\n`.repeat(40)).signatures).toEqual(new Array(40).fill(0))
  })

  test('lines with the same text around their slots share a signature', () => {
    expect(scan('a 1 b\na 22 b\na 3 c\na x b\na 4 b\n').signatures).toEqual([0, 0, 1, 2, 0])
    expect(scan('a1\na 1\n1a\n').signatures).toEqual([0, 1, 0])
  })

  test('a line that is too long, and one whose signature has no room, are raw', () => {
    expect(scan('a 1\nthis line is longer 2\nb 3\n', 10).signatures).toEqual([0, -1, 1])
    expect(scan('a 1\nb 2\nc 3\na 4\n', 65536, 2).signatures).toEqual([0, 1, -1, 0])
  })
})

test('WebAssembly and its twin scan alike, at any alignment', () => {
  fc.assert(
    fc.property(fc.oneof(logs(40), anyBytes(2000)), fc.nat(15), (log, shift) => {
      compareTargets({ wasm: WASM_BASE64, twin }, ({ exports, memory }) => {
        const n = log.length
        const source = memory.alloc(n + 96) + shift
        memory.u8.set(log, source)
        const most = exports.countNewlines(source, n) + 1
        const [starts, ends, slotBase, signature] = [0, 0, 0, 0].map(() => memory.alloc(most * 4)) as [
          number,
          number,
          number,
          number,
        ]
        const lines = exports.splitLines(source, n, starts, ends, memory.alloc(most))
        const [tokens, marks] = [memory.alloc(n + 64), memory.alloc(n + 64)]
        exports.buildMasks(source, n, tokens, marks)
        const slots = memory.alloc(8 * n + 64)
        const table = memory.alloc(4 * 4096)
        const records = memory.alloc(16 * 1000)
        const args = memory.alloc(128)
        const list = [
          source,
          lines,
          starts,
          ends,
          tokens,
          marks,
          slots,
          n + 8,
          slotBase,
          signature,
          table,
          4095,
          records,
          1000,
          500,
        ]
        memory.i32.set(list, args >> 2)
        return [lines, exports.scanLines(args), exports.hash32(source, n)]
      })
    }),
    { numRuns: 60 },
  )
})

test('the hash of rendered bytes is XXH32', () => {
  const { memory, kernels } = workspace
  const hash = (text: string): number => {
    workspace.reset()
    const at = memory.alloc(text.length + 16)
    memory.u8.set(bytes(text), at)
    return kernels.hash32(at, text.length) >>> 0
  }
  // Vectors of the reference implementation, seed 0.
  expect(hash('')).toBe(0x02cc5d05)
  expect(hash('a')).toBe(0x550d7456)
  expect(hash('abc')).toBe(0x32d153ff)
  expect(hash('Nobody inspects the spammish repetition')).toBe(0xe2293b2f)
})
