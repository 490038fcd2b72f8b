/** The files from which the twins of the language model in other libraries start: the same weights and the same batch. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Params, Tensor } from '@pith/engine'
import type { ModelSize } from './language-model.ts'

/** Write `size.json` (sizes, names and shapes), `start.bin` (all weights, f32) and `batch.bin` (tokens and the next ones, i32). */
export function writePeerFiles(
  folder: string,
  size: ModelSize,
  params: Params,
  batch: Record<'ids' | 'next', Tensor>,
): void {
  mkdirSync(folder, { recursive: true })
  const shapes = Object.entries(params).map(([name, { shape }]) => [name, shape])
  writeFileSync(join(folder, 'size.json'), JSON.stringify({ ...size, shapes }))
  const weights = Object.values(params).map(({ data }) => Float32Array.from(data as Float32Array))
  const tokens = [batch.ids, batch.next].map(({ data }) => Int32Array.from(data as BigInt64Array, Number))
  for (const [name, parts] of [
    ['start.bin', weights],
    ['batch.bin', tokens],
  ] as const) {
    writeFileSync(join(folder, name), Buffer.concat(parts.map((part) => new Uint8Array(part.buffer))))
  }
}
