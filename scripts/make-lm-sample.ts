/**
 * The small model of examples/sample/lm, with random weights and the letters of English as its tokens:
 * `npx node --conditions=pith-dev scripts/make-lm-sample.ts`. It shows how models are called, not what they can do.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { llama2cTokenizerBytes } from '@pith/engine/testing'
import { hfConfigJson, hfSafetensors, type LmConfig } from '@pith/lm'
import { randomParams } from '@pith/lm/testing'
import { ROOT } from '../benchmarks/measure/machine.ts'

const PIECES = [' the', 'he', 'in', 'er', 'an', ' a', ' s', 'ed', ...' etaoinshrdlucmfwypvbgkqjxz.,:\n']

const folder = join(ROOT, 'examples/sample/lm')
const vocab = 259 + PIECES.length
const config: LmConfig = {
  ...{ layers: 1, heads: 2, kvHeads: 1, headDim: 8, hidden: 16, ffn: 32, vocab, ctx: 512 },
  ...{ ropeTheta: 10000, normEps: 1e-5, tied: false, qkvBias: false },
}
const params = randomParams(config, 1)
const table = params['head.w'] as NonNullable<(typeof params)[string]>
// Single bytes and the end of a text are hardly ever drawn.
const numbers = table.data as Float32Array
for (const [i, number] of numbers.entries()) numbers[i] = i < 259 * config.hidden ? 0 : 6 * number
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, 'config.json'), hfConfigJson(config))
writeFileSync(join(folder, 'model.safetensors'), hfSafetensors(config, params, { dtype: 'f16' }))
writeFileSync(join(folder, 'tokenizer.bin'), llama2cTokenizerBytes(PIECES))
