/** Gradients of convolutions. */
import type { Value } from '../../ir/graph.ts'
import { intAttr } from '../../ir/ops/context.ts'
import { transposedWindowsOf, windowsOf } from '../../ir/ops/windows.ts'
import type { VjpRule } from '../../ir/registry.ts'
import { sizeOf } from '../../shape.ts'
import type { Build } from '../build.ts'
import { type Rules, several } from './table.ts'
import { tapsOf, transposedAttrs, type Window } from './window.ts'

const conv: VjpRule = several(({ b, node, inputs: [x, w], g }) => {
  const spatial = x.shape.slice(2)
  const own = windowsOf(node, spatial, w.shape.slice(2))
  const window = { ...own, wide: spatial, narrow: g.shape.slice(2), group: intAttr(node, 'group', 1) }
  return {
    0: () => b.op('ConvTranspose', [g, w], transposedAttrs(window)),
    1: () => weightGradient(b, x, g, window),
    2: () => biasGradient(b, g),
  }
})

/** The adjoint of a convolution, with the same weights. */
const convTranspose: VjpRule = several(({ b, node, inputs: [x, w], g }) => {
  const spatial = x.shape.slice(2)
  const own = transposedWindowsOf(node, spatial, w.shape.slice(2))
  const window = { ...own, wide: g.shape.slice(2), narrow: spatial, group: intAttr(node, 'group', 1) }
  return {
    0: () => {
      const { kernel, strides, dilations, group, before, after } = window
      const attrs = { kernel_shape: [...kernel], strides: [...strides], dilations: [...dilations], group }
      const full = b.op('Conv', [g, w], { ...attrs, pads: [...before, ...after] })
      return b.slice(
        full,
        x.shape.map(() => 0),
        x.shape,
      )
    },
    1: () => weightGradient(b, g, x, window),
    2: () => biasGradient(b, g),
  }
})

function biasGradient(b: Build, g: Value): Value {
  return b.sum(
    g,
    [...g.shape.keys()].filter((axis) => axis !== 1),
    false,
  )
}

/**
 * Gradient of the weights [O, C/group, ...kernel] of a convolution of x [N, C, ...] with results g [N, O, ...].
 * The textbook's convolution of x with g runs at a half of the forward's speed at stride 1, where a product for each tap of
 * the window does not; few channels make products too thin. Measured, milliseconds of CPU (swapped, taps, columns):
 * 8x64x32x32 to 64, 3x3: 10.7, 4.4, 6.6; 8x64x32x32 to 128, 3x3 in strides of 2: 4.5, 2.8, 3.5; 8x32x32x32 to 64, 5x5 in strides of
 * 2: 2.3, 2.4, 3.7; 8x3x64x64 to 16, 3x3: 1.2, 1.5, 0.8; 32x8x14x14 to 16, 5x5: 1.0, 1.3, 1.4.
 */
function weightGradient(b: Build, x: Value, g: Value, window: Window): Value {
  const { group, strides, kernel } = window
  if (group > 1) return grouped(b, x, g, window)
  const channels = x.shape[1]
  const isDense = strides.every((stride) => stride === 1)
  if (!isDense && kernel.some((length) => length > 3)) return swapped(b, x, g, window)
  if (channels >= 16) return products(b, x, g, window, false)
  if (isDense && channels * sizeOf(kernel) <= 32) return products(b, x, g, window, true)
  return swapped(b, x, g, window)
}

/** What each tap of the window sees of x, whose last axes are slid over: [..., ...narrow] each. */
function seenByTaps(b: Build, x: Value, { kernel, strides, dilations, before, wide, narrow }: Window): Value[] {
  const axes = kernel.map((_, i) => i + 2)
  const need = kernel.map((k, i) => (narrow[i] - 1) * strides[i] + (k - 1) * dilations[i] + 1)
  const after = need.map((length, i) => Math.max(0, length - wide[i] - before[i]))
  const padded = b.pad(x, [0, 0, ...before], [0, 0, ...after])
  // Elements that are a stride apart are brought together once, not for each tap.
  return tapsOf(kernel).map((tap) => {
    const starts = tap.map((t, i) => t * dilations[i])
    const phase = starts.map((start, i) => start % strides[i])
    const near = strides.every((stride) => stride === 1)
      ? padded
      : b.slice(padded, phase, padded.shape.slice(2), axes, [...strides])
    const from = starts.map((start, i) => Math.floor(start / strides[i]))
    return b.slice(
      near,
      from,
      from.map((start, i) => start + narrow[i]),
      axes,
    )
  })
}

/** With channels in front of the batch, each tap is one product; or all of them are, of one long matrix. */
function products(b: Build, x: Value, g: Value, window: Window, isJoined: boolean): Value {
  const { kernel, narrow } = window
  const [n, o] = g.shape
  const c = x.shape[1]
  const swap = [1, 0, ...kernel.map((_, i) => i + 2)]
  const places = n * sizeOf(narrow)
  const own = b.reshape(b.transpose(g, swap), [o, places])
  const seen = seenByTaps(b, b.transpose(x, swap), window)
  if (isJoined) {
    const all = b.reshape(b.concat(seen, 0), [seen.length * c, places])
    const made = b.reshape(b.matmul(own, all, { tb: true }), [o, seen.length, c])
    return b.reshape(b.transpose(made, [0, 2, 1]), [o, c, ...kernel])
  }
  const parts = seen.map((tap) => b.reshape(b.matmul(own, b.reshape(tap, [c, places]), { tb: true }), [o, c, 1]))
  return b.reshape(b.concat(parts, 2), [o, c, ...kernel])
}

/** A product for each tap and group; where each channel is a group, no product is needed. */
function grouped(b: Build, x: Value, g: Value, window: Window): Value {
  const { kernel, narrow, group } = window
  const [n, o] = g.shape
  const c = x.shape[1]
  const size = sizeOf(narrow)
  const axes = kernel.map((_, i) => i + 2)
  const isDepthwise = c === group && o === group
  const own = isDepthwise ? g : b.reshape(g, [n, group, o / group, size])
  const parts = seenByTaps(b, x, window).map((seen) => {
    if (isDepthwise) return b.reshape(b.sum(b.mul(seen, own), [0, ...axes]), [o, 1, 1])
    const flat = b.reshape(seen, [n, group, c / group, size])
    return b.reshape(b.sum(b.matmul(own, flat, { tb: true }), [0]), [o, c / group, 1])
  })
  return b.reshape(b.concat(parts, 2), [o, c / group, ...kernel])
}

/** The convolution of x with g, batch and channels exchanged, and strides with dilations. */
function swapped(b: Build, x: Value, g: Value, window: Window): Value {
  const { kernel, strides, dilations, before, after, wide, narrow } = window
  const swap = [1, 0, ...kernel.map((_, i) => i + 2)]
  // Where strides do not divide, less padding at the end keeps it from places beyond the kernel.
  const own = after.map((pad, i) => {
    const last = wide[i] + before[i] + pad - strides[i] * (narrow[i] - 1) - 1
    const beyond = Math.floor(last / dilations[i]) + 1 - kernel[i]
    return Math.max(0, pad - beyond * dilations[i])
  })
  const full = b.op('Conv', [b.transpose(x, swap), b.transpose(g, swap)], {
    kernel_shape: g.shape.slice(2),
    strides: [...dilations],
    dilations: [...strides],
    pads: [...before, ...own],
    group: 1,
  })
  const axes = kernel.map((_, i) => i + 2)
  const cut = b.slice(
    full,
    axes.map(() => 0),
    kernel,
    axes,
  )
  return b.transpose(cut, swap)
}

export const CONV: Rules = {
  ':Conv': conv,
  ':ConvTranspose': convTranspose,
}
