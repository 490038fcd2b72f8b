/**
 * Train the deep language model for a few steps, with or without recomputation, and tell what it cost as a line of JSON.
 *
 * node checkpoint-child.ts plain|checkpoint STEPS GRADIENTS, where the gradients of the last step go to the file GRADIENTS.
 */
import { writeFileSync } from 'node:fs'
import { compileTrainStep, nn, sgd, type Value } from '@pith/engine'
import { batchSpec, DEEP, languageModel, randomBatch, startOf } from './language-model.ts'

/** What the child tells. */
export interface CheckpointRun {
  readonly loss: number
  readonly cpuMs: number
  readonly peakBytes: number
  readonly nodes?: number
}

if (import.meta.main) {
  const [, , mode, steps, file] = process.argv as [string, string, string, string, string]
  const net = languageModel(DEEP, { recompute: mode === 'checkpoint' })
  const step = await compileTrainStep(
    (params, { ids, next }) => nn.crossEntropy(net.apply(params, ids as Value), next as Value),
    { params: startOf(DEEP), batch: batchSpec(DEEP), optimizer: sgd({ lr: 0 }) },
  )
  const batch = randomBatch(DEEP, 2)
  let cpuMs = Number.POSITIVE_INFINITY
  let loss = Number.NaN
  for (let i = 0; i < Number(steps); i++) {
    const before = process.cpuUsage()
    loss = (await step.step(batch)).loss
    const { user, system } = process.cpuUsage(before)
    cpuMs = Math.min(cpuMs, (user + system) / 1000)
  }
  writeFileSync(file, new Uint8Array(step.store.gradients.buffer))
  const run: CheckpointRun = { loss, cpuMs, peakBytes: process.resourceUsage().maxRSS * 1024 }
  process.stdout.write(`${JSON.stringify(run)}\n`)
  await step.dispose()
}
