/** The geometry of windows that slide over the last axes: convolution and pooling. */
import type { Node } from '../../ir/graph.ts'
import type { Shape } from '../../shape.ts'
import { listAttr, numberAttr, textAttr } from '../attrs.ts'

/** One entry for each axis that the window slides along. */
export interface Window {
  readonly kernel: readonly number[]
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  readonly before: readonly number[]
  readonly after: readonly number[]
  /** Lengths of the axes that are slid over, and of the results. */
  readonly wide: readonly number[]
  readonly narrow: readonly number[]
  readonly group: number
}

/** @param wide shape of what is slid over @param narrow shape of the results @param kernel lengths of the window */
export function windowOf(node: Node, wide: Shape, narrow: Shape, kernel: readonly number[]): Window {
  const ones = kernel.map(() => 1)
  const strides = listAttr(node, 'strides') ?? ones
  const dilations = listAttr(node, 'dilations') ?? ones
  const auto = textAttr(node, 'auto_pad', 'NOTSET')
  const lengths = wide.slice(2)
  const counts = narrow.slice(2)
  const given = listAttr(node, 'pads')
  const pads = kernel.map((k, i): [number, number] => {
    if (auto === 'VALID') return [0, 0]
    if (auto === 'NOTSET' || auto === '') return [given?.[i] ?? 0, given?.[kernel.length + i] ?? 0]
    const total = Math.max(0, (counts[i] - 1) * strides[i] + (k - 1) * dilations[i] + 1 - lengths[i])
    const small = Math.floor(total / 2)
    return auto === 'SAME_UPPER' ? [small, total - small] : [total - small, small]
  })
  return {
    kernel,
    strides,
    dilations,
    before: pads.map(([first]) => first),
    after: pads.map(([, last]) => last),
    wide: lengths,
    narrow: counts,
    group: numberAttr(node, 'group', 1),
  }
}

/** Attributes of the transposed convolution that gives exactly the axes that were slid over. */
export function transposedAttrs({
  kernel,
  strides,
  dilations,
  before,
  wide,
  narrow,
  group,
}: Window): Record<string, number | number[]> {
  const spare = wide.map(
    (length, i) => length + before[i] - ((narrow[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1),
  )
  return {
    kernel_shape: [...kernel],
    strides: [...strides],
    dilations: [...dilations],
    group,
    pads: [...before, ...spare.map((n) => Math.max(0, -n))],
    output_padding: spare.map((n) => Math.max(0, n)),
  }
}

/** Index vectors of all taps of a window, the last axis fastest. */
export function tapsOf(kernel: readonly number[]): number[][] {
  let taps: number[][] = [[]]
  for (const length of kernel) taps = taps.flatMap((tap) => Array.from({ length }, (_, i) => [...tap, i]))
  return taps
}
