/** Keys or values of a run of layers side by side: what one transform sees. */
import type { KvCache, KvShape } from '@pith/lm'
import { turnRows } from './turn.ts'

/** Keys or values. */
export type Kind = 'k' | 'v'

/** Layers `from` .. `to` - 1. */
export interface LayerRange {
  readonly from: number
  readonly to: number
}

/** What a frame is made of. */
export interface FrameSource {
  readonly kind: Kind
  readonly layers: LayerRange
  /** Whether keys keep their positions. */
  readonly turned?: boolean
}

/** Widest frame of several layers, in numbers of a token. */
const WIDEST = 2048

/** One layer each. */
export function singleLayers({ layers }: KvShape): LayerRange[] {
  return Array.from({ length: layers }, (_, from) => ({ from, to: from + 1 }))
}

/** As many layers together as stay within 2,048 numbers of a token, in groups of about the same size. */
export function jointLayers({ layers, kvHeads, headDim }: KvShape): LayerRange[] {
  const most = Math.max(1, Math.floor(WIDEST / (kvHeads * headDim)))
  const groups = Math.ceil(layers / most)
  return Array.from({ length: groups }, (_, g) => ({
    from: Math.floor((g * layers) / groups),
    to: Math.floor(((g + 1) * layers) / groups),
  }))
}

/**
 * Rows of all layers of a range side by side, positions taken out of keys unless they are to be kept.
 *
 * @returns f32[tokens, (to - from) * kvHeads * headDim]
 */
export function gatherFrame(kv: KvCache, { kind, layers: { from, to }, turned = false }: FrameSource): Float32Array {
  const width = kv.width
  const out = new Float32Array(kv.length * (to - from) * width)
  for (let layer = from; layer < to; layer++) {
    const own = (kind === 'k' ? kv.keys : kv.values)[layer] as Float32Array
    const rows = kind === 'k' && !turned ? turnRows(own, kv.positions, kv, kv.ropeTheta, -1) : own
    for (let t = 0; t < kv.length; t++) {
      out.set(rows.subarray(t * width, (t + 1) * width), (t * (to - from) + layer - from) * width)
    }
  }
  return out
}

/** One layer of a frame again, keys turned to their positions: f32[tokens, kvHeads * headDim]. */
export function takeLayer(
  frame: Float32Array,
  { kind, layers: { from, to }, turned = false }: FrameSource,
  layer: number,
  positions: Int32Array,
  shape: KvShape & { readonly ropeTheta: number },
): Float32Array {
  const width = shape.kvHeads * shape.headDim
  const rows = new Float32Array(positions.length * width)
  for (let t = 0; t < positions.length; t++) {
    const at = (t * (to - from) + layer - from) * width
    rows.set(frame.subarray(at, at + width), t * width)
  }
  return kind === 'k' && !turned ? turnRows(rows, positions, shape, shape.ropeTheta, 1) : rows
}
