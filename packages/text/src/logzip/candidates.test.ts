import fc from 'fast-check'
import { expect, test } from 'vitest'
import { bytes, logRecipes, makeLog, sampleLog } from '../../test/log-inputs.ts'
import { candidateLines, candidateTemplates } from './candidates.ts'
import { ChunkView } from './chunk-decode.ts'
import { encodePiece, type Level } from './chunk-encode.ts'
import { ColumnOracle } from './column-oracle.ts'
import { searchBytes, searchChunk } from './grep.ts'
import { Prior } from './prior.ts'
import { compileMatcher, type MatcherOptions } from './search/matcher.ts'
import { renderSome } from './some-lines.ts'
import { Workspace } from './workspace.ts'

const workspace = new Workspace()
const prior = Prior.empty()

/** Views of the first chunk of a log, a fresh one for each call. */
function viewsOf(log: Uint8Array, level: Level): () => ChunkView {
  const [chunk] = encodePiece(workspace, log, prior, { level })
  return () => {
    workspace.reset()
    return new ChunkView(
      workspace,
      (section, index) => chunk?.blocks.filter((block) => block.section === section)[index]?.payload,
      prior,
    )
  }
}

const plainOf = (log: Uint8Array, from: number, length: number): string => {
  const at = from % Math.max(1, log.length)
  const text = Array.from(log.subarray(at, at + length), (c) => String.fromCharCode(c)).join('')
  return text.split('\n')[0] as string
}

const options = fc.constantFrom<Partial<MatcherOptions>[]>(
  {},
  { ignoreCase: true },
  { word: true },
  { lineRegexp: true },
  { invert: true },
)

test('searching the candidates of a chunk selects the lines that searching all of it selects', () => {
  fc.assert(
    fc.property(
      logRecipes(120),
      fc.nat(),
      fc.integer({ min: 1, max: 16 }),
      options,
      fc.constantFrom<Level[]>('fast', 'max'),
      (recipe, place, length, flags, level) => {
        const log = makeLog(recipe)
        if (log.length === 0) return
        const view = viewsOf(log, level)
        const pattern = plainOf(log, place, length)
        for (const text of [pattern, pattern.replace(/[0-9a-z]/, '7')]) {
          const matcher = compileMatcher({ ...flags, patterns: [bytes(text)], fixed: true })
          expect(searchChunk(view(), prior, matcher)).toEqual(searchBytes(view().render(), matcher))
        }
        const expression = compileMatcher({ ...flags, patterns: [`${pattern.replace(/[^0-9A-Za-z ]/g, '.')}.*[0-9]`] })
        expect(searchChunk(view(), prior, expression)).toEqual(searchBytes(view().render(), expression))
      },
    ),
    { numRuns: 30 },
  )
})

test('any lines of a chunk are what the whole chunk has there', () => {
  fc.assert(
    fc.property(logRecipes(120), fc.array(fc.nat(150), { maxLength: 20 }), (recipe, places) => {
      const log = makeLog(recipe)
      if (log.length === 0) return
      const view = viewsOf(log, 'fast')
      const all = searchBytes(view().render(), compileMatcher({ patterns: [''] }))
      const own = view()
      const lines = Int32Array.from(new Set(places.filter((line) => line < own.lines))).sort()
      const some = renderSome(own, lines)
      for (const [i, line] of lines.entries()) {
        expect(some.bytes.slice(some.offsets[i], some.offsets[i + 1])).toEqual(
          all.bytes.slice(all.offsets[line], all.offsets[line + 1]),
        )
      }
      // Columns that were passed over are still there for whoever wants all.
      expect(own.render()).toEqual(log.slice(0, own.rawBytes))
    }),
    { numRuns: 120 },
  )
})

test('a word that stands in one line of many leaves only this line', () => {
  const log = sampleLog(400)
  const lines = new TextDecoder('latin1').decode(log).split('\n')
  const marked = bytes(lines.map((line, i) => (i === 137 ? `${line} zq9f1` : line)).join('\n'))
  const view = viewsOf(marked, 'fast')()
  const matcher = compileMatcher({ patterns: ['zq9f1'], fixed: true })
  const templates = candidateTemplates(view, new ColumnOracle(view, prior), matcher)
  expect(candidateLines(view, templates, matcher)).toEqual({ lines: Int32Array.of(137), areSure: true })
})
