/**
 * node-llama-cpp behind lines of JSON, one thread: `node llama-cpp.mjs FOLDER MODEL CONTEXT MODE`, MODE is `exact` or `fast`.
 *
 * {"logits": ids} gives {"logits": base64 of f32[ids, vocab]} · {"greedy": ids, "count": n} gives {"ids": ids} ·
 * {"decode": ids, "count": n} gives {"ms": ms}, CPU time of each of n tokens behind ids.
 */
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'

const [, , folder, modelPath, size, mode] = process.argv
const { getLlama, LlamaLogLevel } = await import(pathToFileURL(join(folder, 'dist/index.js')).href)
const llama = await getLlama({ gpu: false, build: 'never', logLevel: LlamaLogLevel.error, maxThreads: 1 })
const model = await llama.loadModel({ modelPath, gpuLayers: 0, checkTensors: true })
const contextSize = Number(size)
// By default keys, values and what is summed of them are f16, which is a loss of its own.
const EXACT = { experimentalKvCacheKeyType: 'F32', experimentalKvCacheValueType: 'F32', flashAttention: false }
const context = await model.createContext({
  contextSize,
  batchSize: contextSize,
  threads: 1,
  ...(mode === 'exact' ? EXACT : {}),
})
const sequence = context.getSequence()
const GREEDY = { temperature: 0 }

function say(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`)
}

async function clear() {
  await sequence.clearHistory()
}

async function logitsOf(ids) {
  await clear()
  const rows = await sequence.controlledEvaluate(
    ids.map((id) => [id, { generateNext: { logits: true, options: GREEDY } }]),
  )
  const vocab = rows[0].next.logits.size
  const out = new Float32Array(ids.length * vocab)
  for (const [i, row] of rows.entries()) {
    for (const [id, logit] of row.next.logits) out[i * vocab + id] = logit
  }
  return Buffer.from(out.buffer).toString('base64')
}

async function greedy(ids, count) {
  await clear()
  const out = []
  for await (const id of sequence.evaluate(ids, { ...GREEDY, yieldEogToken: true })) {
    out.push(id)
    if (out.length === count) break
  }
  return out
}

async function decode(ids, count) {
  await clear()
  const ms = []
  let before
  for await (const _ of sequence.evaluate(ids, { ...GREEDY, yieldEogToken: true })) {
    if (before !== undefined) {
      const { user, system } = process.cpuUsage(before)
      ms.push((user + system) / 1000)
      if (ms.length === count) break
    }
    before = process.cpuUsage()
  }
  return ms
}

say({ version: '3.22.1', threads: 1 })
for await (const line of createInterface({ input: process.stdin })) {
  const { logits, greedy: start, decode: past, count } = JSON.parse(line)
  if (logits !== undefined) say({ logits: await logitsOf(logits) })
  else if (start !== undefined) say({ ids: await greedy(start, count) })
  else say({ ms: await decode(past, count) })
}
await context.dispose()
process.exit(0)
