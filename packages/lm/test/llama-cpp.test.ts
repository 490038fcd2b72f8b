import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readWeights } from '../src/checkpoint/checkpoint.ts'
import { openGgufModel } from '../src/checkpoint/gguf.ts'
import { writeGgufModel } from '../src/checkpoint/gguf-write.ts'
import { Lm } from '../src/lm.ts'
import { randomParams } from '../src/testing/index.ts'
import { ORACLE_IDS, ORACLE_MODELS } from './models.ts'

/** What llama.cpp gives for the same GGUF files: every eighth logit of each row, and the best tokens behind. */
const { models } = JSON.parse(readFileSync(join(import.meta.dirname, 'golden/llama-cpp.json'), 'utf8')) as {
  models: Record<string, { logits: number[][]; greedy: number[] }>
}

test.each(Object.entries(ORACLE_MODELS))('logits of %s are those of llama.cpp', async (name, { config, seed }) => {
  const checkpoint = await openGgufModel(await writeGgufModel(config, randomParams(config, seed)))
  const lm = new Lm({ config: checkpoint.config, params: await readWeights(checkpoint) })
  const { logits, greedy } = models[name] as { logits: number[][]; greedy: number[] }
  const session = lm.session()
  const rows = await session.prefill(Int32Array.from(ORACLE_IDS), { logits: 'all', chunk: 5 })
  let worst = 0
  for (const [i, wanted] of logits.entries()) {
    const own = rows.subarray(i * config.vocab, (i + 1) * config.vocab).filter((_, id) => id % 8 === i % 8)
    expect(own.length).toBe(wanted.length)
    for (const [j, logit] of own.entries()) worst = Math.max(worst, Math.abs(logit - (wanted[j] as number)))
  }
  expect(worst).toBeLessThan(1e-3)
  let next: Float32Array = rows.slice(-config.vocab)
  const written: number[] = []
  while (written.length < greedy.length) {
    const id = next.indexOf(next.reduce((a, b) => Math.max(a, b)))
    written.push(id)
    next = await session.decode(id)
  }
  expect(written).toEqual(greedy)
  await lm.close()
})
