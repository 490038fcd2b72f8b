/** Codes that are trained for ranking. */

export { adaptQueries, identityAdapter, type QueryAdapter } from './adapter.ts'
export { card as jpqCard } from './card.ts'
export {
  type HeldQueries,
  type Jpq,
  type JpqEpoch,
  type JpqOptions,
  type JpqTargets,
  type Training,
  trainJpq,
  trainJpqTower,
} from './jpq.ts'
export { type OnnxTower, type OnnxTowerOptions, openOnnxTower } from './onnx-tower.ts'
export type { QueryTower } from './tower.ts'
