/** Gradients of Fourier transforms. */
import type { Graph, Node, Value } from '../../ir/graph.ts'
import { intAttr } from '../../ir/ops/context.ts'
import type { VjpRule } from '../../ir/registry.ts'
import { axisOf } from '../../shape.ts'
import { constantInput, noGradient } from '../attrs.ts'
import { Build } from '../build.ts'
import { type Decompositions, type Rules, single } from './table.ts'

/** The adjoint of the transform F of length n is n times its inverse, that of the inverse is F / n. */
const dft: VjpRule = single(({ b, node, x, y, g }) => {
  const rank = x.shape.length
  const last = rank - 1
  const axis = axisOf(constantInput(node, 2)?.[0] ?? intAttr(node, 'axis', -2), rank, 'DFT')
  const isInverse = intAttr(node, 'inverse', 0) === 1
  const isHalf = intAttr(node, 'onesided', 0) === 1
  if (isHalf && isInverse) throw noGradient(node, 'an inverse transform of half a spectrum is not differentiated')
  const length = constantInput(node, 1)?.[0] ?? x.shape[axis]
  const own = isHalf ? b.padAxis(g, axis, 0, length - y.shape[axis]) : g
  const inputs = [own, undefined, b.graph.scalar(axis, 'i64')]
  const turned = b.op('DFT', inputs, { inverse: isInverse ? 0 : 1, onesided: 0 })
  const scaled = b.mul(turned, isInverse ? 1 / length : length)
  const real = x.shape[last] === 1 ? b.slice(scaled, [0], [1], [last]) : scaled
  const kept = Math.min(length, x.shape[axis])
  return b.padAxis(b.slice(real, [0], [kept], [axis]), axis, 0, x.shape[axis] - kept)
})

/** Frames by their indices, times the window, transformed together. */
function stft(node: Node, graph: Graph): Value[] {
  const b = new Build(graph)
  const [signal, , window] = node.inputs as readonly Value[]
  const step = (constantInput(node, 1) as number[])[0]
  const length = constantInput(node, 3)?.[0] ?? window.size
  const [batch, total] = signal.shape
  const parts = signal.shape[2] ?? 1
  const frames = Math.floor((total - length) / step) + 1
  const places = Array.from({ length: frames * length }, (_, i) => Math.floor(i / length) * step + (i % length))
  const three = b.reshape(signal, [batch, total, parts])
  let framed = b.op('Gather', [three, b.indices(places, [frames, length])], { axis: 1 })
  if (window !== undefined) framed = b.mul(framed, b.reshape(window, [length, 1]))
  const onesided = intAttr(node, 'onesided', 1)
  return [b.op('DFT', [framed, undefined, graph.scalar(2, 'i64')], { onesided, inverse: 0 })]
}

export const SIGNAL: Rules = { ':DFT': dft }

export const SIGNAL_DECOMPOSITIONS: Decompositions = { ':STFT': stft }
