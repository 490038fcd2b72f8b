import { isPithError } from '@pith/core'
import { describe, expect, test } from 'vitest'
import { type LineTemplates, type MaxParts, MaxSink, MaxSource } from './max.ts'
import type { SymbolContext } from './streams.ts'
import { Workspace } from './workspace.ts'

type Target = 'wasm' | 'twin'

/** A column as the tests describe it; `rows` are the lines it stands in. */
type Column =
  | { kind: 'ids'; lines: number[]; left: number[]; values: number[]; limit: number }
  | { kind: 'number' | 'time'; lines: number[]; left: number[]; values: number[]; mode: number }
  | { kind: 'flags'; lines: number[]; left: number[]; values: number[] }
  | { kind: 'texts'; lines: number[]; left: number[]; texts: string[] }

interface Chunk {
  meta: Uint8Array
  tables: Uint8Array
  templates: number[]
  count: number
  columns: Column[]
}

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0))

/** A small deterministic generator. */
function randomInts(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return ((state >>> 8) * below) >>> 24
  }
}

function putWords(w: Workspace, values: readonly number[]): number {
  const at = w.words(values.length)
  w.memory.i32.set(values, at >> 2)
  return at
}

function contextOf(w: Workspace, index: number, column: Column): SymbolContext {
  return { column: index + 1, rows: column.lines.length, left: column.left, lines: putWords(w, column.lines) }
}

function encode(chunk: Chunk, target: Target): MaxParts {
  const w = new Workspace(target)
  const templates: LineTemplates = {
    ids: putWords(w, chunk.templates),
    lines: chunk.templates.length,
    count: chunk.count,
  }
  const symbols = chunk.columns.reduce((sum, column) => sum + column.lines.length, 0)
  const sink = new MaxSink(w, templates, symbols)
  for (const [index, column] of chunk.columns.entries()) {
    const context = contextOf(w, index, column)
    if (column.kind === 'ids') sink.ids(context, putWords(w, column.values), column.limit)
    else if (column.kind === 'flags') sink.flags(context, w.memory.put(Uint8Array.from(column.values)))
    else if (column.kind === 'texts') {
      const starts = w.words(column.texts.length)
      const ends = w.words(column.texts.length)
      for (const [i, text] of column.texts.entries()) {
        const at = w.memory.put(bytesOf(text))
        w.memory.i32[(starts >> 2) + i] = at
        w.memory.i32[(ends >> 2) + i] = at + text.length
      }
      sink.texts(context, starts, ends, column.texts.length)
    } else {
      const at = w.doubles(column.values.length)
      new Float64Array(w.memory.buffer, at, column.values.length).set(column.values)
      sink.residuals(context, at, Math.max(0, ...column.values), column.kind, column.mode)
    }
  }
  return sink.finish(chunk.meta, chunk.tables)
}

/** Decode with the shape of `chunk`; returns what came out in the same form. */
function decode(parts: MaxParts, chunk: Chunk, target: Target, maxBytes: number = 1e6, between?: () => void): Chunk {
  const w = new Workspace(target)
  const source = new MaxSource(w, parts, maxBytes)
  const ids = w.words(chunk.templates.length)
  source.templates({ ids, lines: chunk.templates.length, count: chunk.count })
  const words = (at: number, n: number): number[] => [...w.memory.i32.subarray(at >> 2, (at >> 2) + n)]
  const templates = words(ids, chunk.templates.length)
  const columns = chunk.columns.map((column, index): Column => {
    if (index === 4) between?.()
    const context = contextOf(w, index, column)
    const rows = column.lines.length
    if (column.kind === 'ids') {
      const at = w.words(rows)
      source.ids(context, at, column.limit)
      return { ...column, values: words(at, rows) }
    }
    if (column.kind === 'flags') {
      const at = w.memory.alloc(rows)
      source.flags(context, at)
      return { ...column, values: [...w.memory.take(at, rows)] }
    }
    if (column.kind === 'texts') {
      const starts = w.words(column.texts.length)
      const ends = w.words(column.texts.length)
      source.texts(context, starts, ends, column.texts.length)
      const texts = column.texts.map((_, i) => {
        const start = w.word(starts, i)
        return String.fromCharCode(...w.memory.take(start, w.word(ends, i) - start))
      })
      return { ...column, texts }
    }
    const at = w.doubles(rows)
    source.residuals(context, at, Math.max(0, ...column.values) < 256 ? 1 : 0, column.kind, column.mode)
    return { ...column, values: [...new Float64Array(w.memory.buffer, at, rows)] }
  })
  return { ...chunk, meta: source.meta, tables: source.tables, templates, columns }
}

const range = (n: number, from: number = 0, step: number = 1): number[] =>
  Array.from({ length: n }, (_, i) => from + i * step)

/** A chunk with a column of each kind, `n` lines. */
function sampleChunk(n: number, seed: number): Chunk {
  const random = randomInts(seed)
  const all = range(n)
  const odd = all.filter((line) => line % 2 === 1)
  return {
    meta: Uint8Array.from({ length: n % 97 }, () => random(9)),
    tables: bytesOf('GET /index.html HTTP/1.1\nGET /style.css HTTP/1.1\n\n\nPOST /index.html\n'.repeat(n > 0 ? 3 : 0)),
    templates: all.map((i) => (i % 7 === 0 ? random(5) : i % 3)),
    count: 5,
    columns: [
      { kind: 'time', lines: all, left: [], values: all.map(() => random(1000)), mode: 1 },
      { kind: 'ids', lines: all, left: [1], values: all.map((i) => (i % 5 === 0 ? random(300) : i % 4)), limit: 300 },
      { kind: 'number', lines: odd, left: [2, 1], values: odd.map(() => random(200)), mode: 0 },
      { kind: 'number', lines: odd, left: [3, 2, 1], values: odd.map((i) => (i % 3) * 2 ** 40 + random(9)), mode: 2 },
      { kind: 'flags', lines: odd, left: [4, 3], values: odd.map(() => random(2)) },
      { kind: 'texts', lines: odd, left: [5, 1], texts: odd.map((i) => `\xe9 item ${random(50)} of ${i}`) },
      { kind: 'ids', lines: all, left: [], values: all.map(() => random(70000)), limit: 70000 },
      { kind: 'number', lines: all, left: [7, 2, 1], values: all.map(() => random(4) * 1e15), mode: 3 },
    ],
  }
}

describe('level max', () => {
  test.each([0, 1, 2, 3, 50, 700])('%i lines with columns of each kind come back', (n) => {
    const chunk = sampleChunk(n, n + 1)
    expect(decode(encode(chunk, 'wasm'), chunk, 'wasm')).toEqual(chunk)
  })

  test('WebAssembly and its twin write the same bytes and read those of each other', () => {
    const chunk = sampleChunk(60, 9)
    const parts = encode(chunk, 'wasm')
    expect(encode(chunk, 'twin')).toEqual(parts)
    expect(decode(parts, chunk, 'twin')).toEqual(chunk)
  })

  test('two chunks that are decoded in turns do not disturb each other, though twins share their state', () => {
    const [a, b] = [sampleChunk(20, 1), sampleChunk(30, 2)]
    const [first, second] = [encode(a, 'wasm'), encode(b, 'wasm')]
    const between = (): void => expect(decode(second, b, 'twin')).toEqual(b)
    expect(decode(first, a, 'twin', 1e6, between)).toEqual(a)
  })

  test('limits at the edges of the widths come back', () => {
    const lines = range(40)
    const columns = [1, 2, 3, 16, 17, 256, 257, 65536, 65537, 2 ** 24 - 1].map(
      (limit): Column => ({
        kind: 'ids',
        lines,
        left: [],
        values: lines.map((i) => (i % 2 === 0 ? limit - 1 : 0)),
        limit,
      }),
    )
    for (const top of [0, 1, 255, 256, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53 - 1]) {
      columns.push({
        kind: 'number',
        lines,
        left: [],
        values: lines.map((i) => (i % 3 === 0 ? top : Math.floor(top / 3))),
        mode: 0,
      })
    }
    const chunk: Chunk = { ...sampleChunk(40, 1), columns }
    expect(decode(encode(chunk, 'wasm'), chunk, 'wasm')).toEqual(chunk)
  })

  test('sums of differences beyond 63 bits do not stop the coder', () => {
    const lines = range(3000)
    const columns: Column[] = [{ kind: 'number', lines, left: [], values: lines.map(() => 2 ** 53 - 1), mode: 1 }]
    const chunk: Chunk = { ...sampleChunk(0, 1), templates: lines.map(() => 0), columns }
    expect(decode(encode(chunk, 'wasm'), chunk, 'wasm')).toEqual(chunk)
  })

  test('ids that repeat cost next to nothing', () => {
    const lines = range(4000)
    const columns: Column[] = [{ kind: 'ids', lines, left: [], values: lines.map((i) => i % 100), limit: 100 }]
    const chunk: Chunk = {
      meta: new Uint8Array(0),
      tables: new Uint8Array(0),
      templates: lines.map(() => 0),
      count: 1,
      columns,
    }
    expect(encode(chunk, 'wasm').columns.length).toBeLessThan(400)
  })

  test('more text than the caller allows is refused', () => {
    const chunk = sampleChunk(50, 3)
    const parts = encode(chunk, 'wasm')
    expect(() => decode(parts, chunk, 'wasm', 100)).toThrow(/more than 100/)
  })

  test('codes that are cut short or damaged end in an error or in rows of the right number', () => {
    const chunk = sampleChunk(60, 5)
    const parts = encode(chunk, 'wasm')
    const random = randomInts(77)
    for (let round = 0; round < 32; round++) {
      const part = (['tables', 'ids', 'columns', 'texts'] as const)[round % 4] as keyof MaxParts
      const bytes = parts[part].slice(0, round % 3 === 0 ? random(parts[part].length) : parts[part].length)
      if (round % 3 !== 0) for (let k = 0; k < 4; k++) bytes[random(bytes.length)] = random(256)
      if (round % 3 === 2) for (let k = 0; k < bytes.length; k++) bytes[k] = random(256)
      try {
        const out = decode({ ...parts, [part]: bytes }, chunk, 'wasm')
        for (const [i, column] of out.columns.entries()) {
          const rows = column.lines.length
          expect(column.kind === 'texts' ? column.texts.length : column.values.length).toBe(rows)
          if (column.kind === 'number') expect(column.values.every((v) => Number.isSafeInteger(v) && v >= 0)).toBe(true)
          expect(column.kind).toBe(chunk.columns[i]?.kind)
        }
      } catch (error) {
        expect(isPithError(error), String(error)).toBe(true)
      }
    }
  })
})
