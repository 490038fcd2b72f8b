/** The geometry of windows that slide over the last axes: convolution and pooling. */
import type { Windows } from '../../ir/ops/windows.ts'

/** One entry for each axis that the window slides along. */
export interface Window extends Windows {
  /** Lengths of the axes that are slid over, and of the results. */
  readonly wide: readonly number[]
  readonly narrow: readonly number[]
  readonly group: number
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
