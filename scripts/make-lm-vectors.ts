/**
 * Logits of small random models by llama.cpp, which the tests of the runtime compare with:
 * `npx node --conditions=pith-dev scripts/make-lm-vectors.ts`. node-llama-cpp is installed into the cache.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomParams } from '@pith/lm/testing'
import { LLAMA_CPP, LlamaCpp, llamaCppFolder } from '../benchmarks/lm/llama-cpp.ts'
import { ROOT } from '../benchmarks/measure/machine.ts'
import { ORACLE_IDS, ORACLE_MODELS } from '../packages/lm/test/models.ts'

/** Tokens of the greedy text. */
const COUNT = 24

const library = llamaCppFolder(join(ROOT, '.cache/bench'))
if (library === undefined) throw new Error('node-llama-cpp cannot be installed')
const folder = mkdtempSync(join(tmpdir(), 'pith-vectors-'))
const models: Record<string, unknown> = {}
try {
  for (const [name, { config, seed }] of Object.entries(ORACLE_MODELS)) {
    const peer = await LlamaCpp.start(library, folder, { config, params: randomParams(config, seed) }, 'F32', 'exact')
    const logits = await peer.logits(ORACLE_IDS)
    const rows = ORACLE_IDS.map((_, i) =>
      [...logits.subarray(i * config.vocab, (i + 1) * config.vocab)]
        // Some columns tell as much as all of them.
        .filter((_logit, id) => id % 8 === i % 8)
        .map((logit) => Number(logit.toFixed(5))),
    )
    models[name] = { logits: rows, greedy: await peer.greedy(ORACLE_IDS, COUNT) }
    await peer.stop()
  }
} finally {
  rmSync(folder, { recursive: true })
}
const text = JSON.stringify({ 'node-llama-cpp': LLAMA_CPP, models })
writeFileSync(join(ROOT, 'packages/lm/test/golden/llama-cpp.json'), `${text}\n`)
