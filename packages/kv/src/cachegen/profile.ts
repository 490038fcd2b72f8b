/** What is learned about the caches of a model: means, bases, steps and tables. Mirrors docs/format-kv.md. */
import type { KvShape } from '@pith/lm'
import type { FrameSource } from './frames.ts'
import type { Transform } from './transform.ts'

/** How a cache is coded; `anchor` is the scheme of the paper, which the others are measured against. */
export type Preset = 'anchor' | 'cachegen' | 'pca-layer' | 'pca'

/** Quality levels from small to exact; the step of a level is the profile's times this. */
export const LEVELS: readonly number[] = [2.5, 1.6, 1, 0.5]

/** The level that a profile's step was chosen for: the third of four, numbered from 1. */
export const DEFAULT_LEVEL = 3

/** Keys or values of a range of layers. */
export interface ProfileSet extends Transform, FrameSource {
  /** f32[components]: the step of each, at a step of 1. */
  readonly unit: Float32Array
  /** u8[levels, components]: classes that the components are expected to have. */
  readonly classes: Uint8Array
  /** f32[components], of the preset anchor: steps of the first token of each group, which `unit` is not for. */
  readonly anchors?: Float32Array
}

/** A profile; it belongs to one model. */
export interface KvProfile extends KvShape {
  readonly preset: Preset
  readonly arch: string
  readonly weights: string
  readonly ropeTheta: number
  readonly sets: readonly ProfileSet[]
  /** Step of level 3. */
  readonly step: number
  /** u16[classes * symbols]. */
  readonly tables: Uint16Array
  /** Nats by which the model foresaw text worse behind a cache of each level, on the texts of the fit. */
  readonly damage: readonly number[]
}

/** The step of a level, 1..4. */
export function stepOf(profile: Pick<KvProfile, 'step'>, level: number): number {
  return Math.fround(profile.step * (LEVELS[level - 1] as number))
}
