/** The neighbours of each row, found by searching the index itself (Seismic, its k-NN graph). */
import { meterProgress, type Run, throwIfAborted } from '@pith/core'
import { NO_ROW } from './parts.ts'
import type { SeismicIndex } from './seismic-index.ts'

/** Effort of the searches. */
const EFFORT = { cut: 10, heapFactor: 0.7, headFactor: 0.4 } as const
const BETWEEN_CHECKS = 64

/** u32[rows, knn], best first; {@link NO_ROW} fills up. @throws the abort reason */
export async function buildGraph(index: SeismicIndex, knn: number, run: Run): Promise<Uint32Array> {
  const graph = new Uint32Array(index.rows * knn).fill(NO_ROW)
  const meter = meterProgress(run, { stage: 'graph', unit: 'rows', total: index.rows })
  for (let row = 0; row < index.rows; row++) {
    if (row % BETWEEN_CHECKS === 0) {
      // So that a signal can come through.
      await new Promise<void>((resolve) => setTimeout(resolve))
      throwIfAborted(run.signal)
      meter.update(row)
    }
    const { ids } = index.search(index.row(row), knn + 1, EFFORT)
    let at = row * knn
    for (const id of ids) if (id !== row && at < (row + 1) * knn) graph[at++] = id
  }
  meter.finish()
  return graph
}
