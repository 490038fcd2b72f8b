import { expect, test } from 'vitest'
import { type EngineCase, renderEngine, renderSteps } from './render-engine.ts'

function step(peer: string, parameters: number, ours: number, theirs: number): EngineCase {
  return {
    kind: 'step',
    peer: { name: peer, version: '1.2' },
    data: { name: 'language model', bytes: 4 * parameters },
    params: { parameters },
    ours: { cpuMs: ours },
    theirs: { cpuMs: theirs },
    vs: { cpu: ours / theirs },
  }
}

test('training steps are told over those of each peer', () => {
  const cases = [
    step('PyTorch', 941_312, 48, 64),
    step('jax-js', 941_312, 48, 300),
    step('PyTorch', 3_454_976, 150, 200),
  ]
  expect(renderSteps(cases).split('\n')).toEqual([
    "| CPU time of a training step | over PyTorch's | over jax-js's |",
    '| --- | ---: | ---: |',
    '| language model, 0.9 million parameters | 0.75x | 0.16x |',
    '| language model, 3.5 million parameters | 0.75x |  |',
  ])
})

test('every case has a row for each of its figures', () => {
  const checkpoint: EngineCase = {
    ...step('the same without', 1, 270, 220),
    kind: 'checkpoint',
    ours: { cpuMs: 270, peakMiB: 390.4 },
    theirs: { cpuMs: 220, peakMiB: 710 },
    vs: { cpu: 1.227, peak: 0.55 },
  }
  expect(
    renderEngine([step('PyTorch', 1, 48.04, 64), checkpoint])
      .split('\n')
      .slice(2),
  ).toEqual([
    '| training step: language model: CPU ms | PyTorch 1.2 | 48 | 64 | 0.75x |',
    '| training step with `checkpoint`, 8 layers: CPU ms | the same without 1.2 | 270 | 220 | 1.23x |',
    '| training step with `checkpoint`, 8 layers: peak MiB | the same without 1.2 | 390 | 710 | 0.55x |',
  ])
})
