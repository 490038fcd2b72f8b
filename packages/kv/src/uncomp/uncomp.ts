/** UNComp: heads whose queries differ more keep more, and layers behind a fall of entropy read less. */
import { PithError } from '@pith/core'
import { type EvictionPolicy, groupByHead, type LmConfig, type Stage } from '@pith/lm'
import { judging, keepEach, keepTogether } from './policies/peers.ts'
import type { BudgetOptions, ScoreOptions } from './policies/scores.ts'
import { spread, tokensOf } from './policies/spread.ts'
import { type EntropyProfile, headClasses, layerGroups } from './profile.ts'

/** What UNComp can be told. */
export interface UncompOptions extends BudgetOptions, ScoreOptions {
  /** Classes of heads, 2 or more. Default 2. */
  classes?: number
  /** Whether heads of little entropy keep more: a check of the idea. Default false. */
  reversed?: boolean
  /** Whether long prompts lose tokens while they are read. Default false. */
  staged?: boolean
}

/** What `uncomp+ada` can be told. */
export interface UncompAdaOptions extends Omit<UncompOptions, 'classes'> {
  /** Part of the mean budget that each head keeps in any case. Default 0.2. */
  floor?: number
  /** How far budgets of layers reach from the mean: layers whose queries have little entropy keep more. Default 0.5. */
  tilt?: number
}

/** Budgets of more than two classes reach from 1 - REACH to 1 + REACH of the mean. */
const REACH = 0.875

/** Default of how far budgets of layers reach from the mean. */
const TILT = 0.5

/** Part of a prompt that the last group of layers reads. */
const LAST_STAGE = 0.375

/** Shorter prompts are read whole. */
const LEAST_STAGED = 128

/** Tokens that any stage keeps beyond the window. */
const CHOOSERS = 8

/** Budgets of classes against the mean. */
export function classWeights(classes: number): number[] {
  if (classes === 2) return [2 / 3, 4 / 3]
  return Array.from({ length: classes }, (_, i) => 1 - REACH + (2 * REACH * i) / (classes - 1))
}

/**
 * Keep more tokens in heads of high entropy.
 *
 * @throws PithError `PITH_ARG` options outside of their ranges · `PITH_MODEL`, when it is used, a profile of another shape
 */
export function uncomp(profile: EntropyProfile, options: UncompOptions): EvictionPolicy {
  const { classes = 2, reversed = false, staged = false } = options
  const { kernel, ...own } = judging(reversed ? 'uncomp-reversed' : 'uncomp', options)
  const table = classesOf(profile, classes, reversed)
  const weights = classWeights(classes)
  return {
    ...own,
    groups: (shape) => {
      checkShape(profile, shape)
      return table.map((layer) =>
        weights
          .map((_, wanted) => layer.flatMap((own, head) => (own === wanted ? [head] : [])))
          .filter((heads) => heads.length > 0),
      )
    },
    ...(staged ? { stages: (config: LmConfig, n: number) => stagesOf(profile, config, n, own.window, kernel) } : {}),
    keep: (prompt, shape) => {
      checkShape(profile, shape)
      const n = prompt.tokens.length
      const mean = tokensOf(options.budget, n, own.window)
      const counts = table.map((layer) => countsOf(layer, weights, mean, own.window, n))
      return keepEach(prompt, shape, own.window, kernel, (layer, head) => counts[layer]?.[head] as number)
    },
  }
}

/**
 * Budgets of layers by their entropy, and within each layer the best scores of all heads together.
 *
 * @throws PithError `PITH_ARG` options outside of their ranges · `PITH_MODEL`, when it is used, a profile of another shape
 */
export function uncompAda(profile: EntropyProfile, options: UncompAdaOptions): EvictionPolicy {
  const { floor = 0.2, tilt = TILT, reversed = false, staged = false } = options
  const { kernel, ...own } = judging('uncomp+ada', options)
  const weights = layerWeights(profile, reversed ? -tilt : tilt)
  return {
    ...own,
    groups: groupByHead,
    ...(staged ? { stages: (config: LmConfig, n: number) => stagesOf(profile, config, n, own.window, kernel) } : {}),
    keep: (prompt, shape) => {
      checkShape(profile, shape)
      const n = prompt.tokens.length
      const mean = tokensOf(options.budget, n, own.window)
      const layers = spread(weights, shape.layers * mean, own.window, n)
      return prompt.layers.map((_, layer) => {
        const counts = new Array<number>(shape.kvHeads).fill(layers[layer] as number)
        return keepTogether(prompt, layer, counts, own.window, kernel, floor)
      })
    },
  }
}

/** Budgets of layers: by the rank of the mean entropy of their heads, from 1 + tilt for the least to 1 - tilt. */
function layerWeights({ headEntropy, layers }: EntropyProfile, tilt: number): number[] {
  const means = headEntropy.map((heads) => heads.reduce((sum, entropy) => sum + entropy, 0) / heads.length)
  const ranks = means.map(
    (mean, layer) => means.filter((other, i) => other < mean || (other === mean && i < layer)).length,
  )
  return ranks.map((rank) => (layers === 1 ? 1 : 1 + tilt - (2 * tilt * rank) / (layers - 1)))
}

function classesOf(profile: EntropyProfile, classes: number, reversed: boolean): number[][] {
  if (!(Number.isInteger(classes) && classes >= 2 && classes <= Math.max(2, profile.kvHeads))) {
    throw new PithError('PITH_ARG', `${profile.kvHeads} heads make 2..${profile.kvHeads} classes, not ${classes}`)
  }
  const table = headClasses(profile, classes)
  return reversed ? table.map((layer) => layer.map((own) => classes - 1 - own)) : table
}

/** Tokens of each head of a layer; the sum is exactly that of equal budgets. */
function countsOf(
  layer: readonly number[],
  weights: readonly number[],
  mean: number,
  floor: number,
  most: number,
): Int32Array {
  return spread(
    layer.map((own) => weights[own] as number),
    layer.length * mean,
    floor,
    most,
  )
}

/** Groups of layers read fewer and fewer tokens, evenly down to the last. */
function stagesOf(profile: EntropyProfile, config: LmConfig, n: number, window: number, kernel: number): Stage[] {
  checkShape(profile, config)
  if (n < LEAST_STAGED) return []
  const groups = layerGroups(profile)
  const last = LAST_STAGE * n
  return groups.slice(1).map((layer, i) => ({
    layer,
    kernel,
    tokens: Math.max(window, CHOOSERS, Math.round(last + ((n - last) * (groups.length - 2 - i)) / (groups.length - 1))),
  }))
}

function checkShape(profile: EntropyProfile, { layers, kvHeads }: { layers: number; kvHeads: number }): void {
  if (profile.layers !== layers || profile.kvHeads !== kvHeads) {
    throw new PithError(
      'PITH_MODEL',
      `the profile has ${profile.layers} layers of ${profile.kvHeads} heads, the model ${layers} of ${kvHeads}`,
    )
  }
}
