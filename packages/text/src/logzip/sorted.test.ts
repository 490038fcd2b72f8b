import { equalBytes } from '@pith/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { agentLog, bytes, keyedLog, logRecipes, makeLog, sampleLog, wrapLog } from '../../test/log-inputs.ts'
import { type EncodedChunk, encodeFirst, encodePiece } from './chunk-encode.ts'
import { type GrepQuery, matcherOf, searchBytes } from './grep.ts'
import { Prior } from './prior.ts'
import { renderSome } from './some-lines.ts'
import { logTasks, type SearchCall, viewOf } from './tasks.ts'
import { Workspace } from './workspace.ts'

/** Streams that real chunks have only where they are large. */
const layout = { wholeBytes: 0, groupBytes: 64, classedBytes: 4, streamBytes: 16 }
const options = { level: 'fast', layout } as const
const workspace = new Workspace()
const context = { transfer(): void {} } as never

const serialOf = ((): (() => number) => {
  let serial = 1e6
  return () => ++serial
})()

interface Sample {
  log: Uint8Array
  chunks: EncodedChunk[]
  prior: Prior
}

function coded(log: Uint8Array): Sample {
  return { log, chunks: encodePiece(workspace, log, Prior.empty(), options), prior: Prior.empty() }
}

/** The second half of a log with a prior from the first. */
function codedAfter(log: Uint8Array): Sample {
  const half = log.indexOf(10, log.length >> 1) + 1
  const { prior } = encodeFirst(workspace, log.subarray(0, half), options)
  const rest = log.subarray(half)
  return { log: rest, chunks: encodePiece(workspace, rest, prior, options), prior }
}

function search({ chunks, prior }: Sample, query: GrepQuery): { lines: number[]; missing: number; used: number } {
  const lines: number[] = []
  const known = { key: serialOf(), bytes: prior.serialize() }
  let first = 0
  let rounds = 0
  let used = 0
  for (const chunk of chunks) {
    const held: SearchCall['blocks'] = chunk.blocks.map(({ section }) => ({ section, payload: undefined }))
    const head = held.findIndex(({ section }) => section === 'chunk')
    let wanted: readonly number[] = [head]
    for (;;) {
      for (const i of wanted) (held[i] as { payload: unknown }).payload = chunk.blocks[i]?.payload
      const found = logTasks.search({ blocks: held, prior: known, query }, context)
      wanted = found.missing
      if (wanted.length === 0) {
        for (const line of found.hits.lines) lines.push(first + line)
        used += found.used.length
        break
      }
      rounds++
    }
    first += chunk.lines
  }
  return { lines, missing: rounds, used }
}

const samples: fc.Arbitrary<Sample> = fc.oneof(
  logRecipes(120).map((recipe) => coded(makeLog(recipe))),
  fc.nat(50).map((seed) => coded(sampleLog(60 + seed, seed))),
  fc.constantFrom(agentLog, keyedLog).map((make) => coded(make(150, 7))),
  fc.nat(20).map((seed) => coded(wrapLog(sampleLog(120, seed), 1 + (seed & 1)))),
  fc.nat(20).map((seed) => codedAfter(sampleLog(200, seed))),
  fc.constant(0).map(() => codedAfter(wrapLog(sampleLog(300, 3), 1))),
)

describe('chunks whose streams are by kind and class', () => {
  test('give their lines back, and any of them alone', () => {
    fc.assert(
      fc.property(samples, fc.array(fc.nat(400), { maxLength: 12 }), ({ log, chunks, prior }, picks) => {
        let at = 0
        for (const { blocks, rawBytes } of chunks) {
          const own = log.subarray(at, at + rawBytes)
          expect(equalBytes(viewOf(workspace, blocks, prior).render(), own)).toBe(true)
          const view = viewOf(workspace, blocks, prior)
          const all = searchBytes(own, matcherOf({ patterns: [''] }))
          const lines = Int32Array.from(new Set(picks.filter((line) => line < view.lines))).sort()
          const some = renderSome(view, lines)
          for (const [i, line] of lines.entries()) {
            const wanted = all.bytes.subarray(all.offsets[line], all.offsets[line + 1])
            expect(equalBytes(some.bytes.subarray(some.offsets[i], some.offsets[i + 1]), wanted)).toBe(true)
          }
          // Columns that were passed over are still there for whoever wants all.
          expect(equalBytes(view.render(), own)).toBe(true)
          at += rawBytes
        }
        expect(at).toBe(log.length)
      }),
      { numRuns: 60 },
    )
  })

  test('are searched with the lines of a plain search, block by block', () => {
    fc.assert(
      fc.property(
        samples,
        fc.nat(1_000_000),
        fc.integer({ min: 1, max: 14 }),
        fc.constantFrom<Partial<GrepQuery>>({}, {}, { ignoreCase: true }, { word: true }, { invert: true }),
        (sample, place, length, flags) => {
          const { log } = sample
          const at = place % Math.max(1, log.length)
          const piece = log.subarray(at, at + length)
          const end = piece.indexOf(10)
          const pattern = piece.slice(0, end < 0 ? piece.length : end)
          for (const text of [pattern, pattern.map((byte, i) => (i === pattern.length >> 1 ? 55 : byte))]) {
            const query = { ...flags, patterns: [text], fixed: true }
            expect(search(sample, query).lines).toEqual([...searchBytes(log, matcherOf(query)).lines])
          }
        },
      ),
      { numRuns: 80 },
    )
  })
})

test('a word that can only stand among words reads no texts of digits and no columns', () => {
  const lines = Array.from({ length: 4000 }, (_, i) => {
    const id = Math.imul(i + 1, 0x9e3779b1) >>> 0
    return `user ${id.toString(36)}x took ${id} and ${id % 97}.${i % 89}.${id % 83} units\n`
  })
  const sample = { log: bytes(lines.join('')), prior: Prior.empty(), chunks: [] as EncodedChunk[] }
  sample.chunks = encodePiece(workspace, sample.log, sample.prior, { level: 'fast' })
  expect(sample.chunks).toHaveLength(1)
  const [chunk] = sample.chunks as [EncodedChunk]
  expect(chunk.blocks.filter(({ section }) => section === 'columns').length).toBeGreaterThan(0)
  const { lines: found, used } = search(sample, { patterns: ['zzqqzz1'], fixed: true })
  expect(found).toEqual([])
  expect(used).toBeLessThan(4)
})
