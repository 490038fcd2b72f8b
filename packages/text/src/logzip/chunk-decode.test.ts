import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ChunkView } from './chunk-decode.ts'
import { encodeFirst } from './chunk-encode.ts'
import { Workspace } from './workspace.ts'

const sample = readFileSync(new URL('../../../../examples/sample/access.log', import.meta.url)).subarray(0, 200_000)

/** Texts of all rows of all columns. */
function rowsOf(workspace: Workspace, view: ChunkView): string[] {
  view.materialize(view.specs.length)
  const decoder = new TextDecoder('latin1')
  return view.specs.flatMap(({ first, rows }) =>
    Array.from({ length: rows }, (_, i) => {
      const [start, end] = [view.rowStart, view.rowEnd].map((at) => workspace.word(at, first + i))
      return decoder.decode(workspace.memory.u8.subarray(start, end))
    }),
  )
}

describe('ChunkView', () => {
  for (const level of ['fast', 'max'] as const) {
    test(`columns have all their rows after lines were written, ${level}`, () => {
      const { chunks, prior } = encodeFirst(new Workspace(), sample, { level })
      const { blocks } = chunks[0]!
      const open = (workspace: Workspace): ChunkView =>
        new ChunkView(workspace, (section, i) => blocks.filter((b) => b.section === section)[i]!.payload, prior)
      const [one, two] = [new Workspace(), new Workspace()]
      const [rendered, fresh] = [open(one), open(two)]
      expect(Buffer.compare(rendered.render(), sample)).toBe(0)
      const rows = rowsOf(one, rendered)
      expect(rows).toEqual(rowsOf(two, fresh))
      expect(rows.length).toBeGreaterThan(1000)
      expect(Buffer.compare(fresh.render(), rendered.render())).toBe(0)
    })
  }
})
