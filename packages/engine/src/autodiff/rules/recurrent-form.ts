/** Recurrent layers: which forms are known, and what one direction of a layer is. */
import type { Node, Value } from '../../ir/graph.ts'
import { floatAttr, intAttr, textAttr } from '../../ir/ops/context.ts'
import { constantInput, noGradient } from '../attrs.ts'
import type { Build } from '../build.ts'

/** One direction of a layer. Steps go from the first to the last, or back. */
export interface Direction {
  readonly index: number
  readonly isReverse: boolean
  /** float[gates * hidden, width]. */
  readonly weights: Value
  /** float[gates * hidden, hidden]. */
  readonly recurrence: Value
  /** float[gates * hidden] each, of the products with the inputs and of those with the state. */
  readonly biases: readonly Value[]
  /** float[batch, hidden] each. */
  readonly starts: readonly Value[]
}

/** A layer, whose inputs have the steps first: onnxruntime runs no others. */
export interface Layer {
  readonly steps: number
  readonly batch: number
  readonly hidden: number
  /** float[steps * batch, width]. */
  readonly flat: Value
  readonly directions: readonly Direction[]
}

/** The parts of a layer. @throws PithError `PITH_GRADIENT` a form that is not known */
export function layerOf(b: Build, node: Node, states: number): Layer {
  const [x, weights, recurrence, bias] = node.inputs as readonly Value[]
  const [steps, batch, width] = x.shape
  checkForm(node, steps)
  const [count, , hidden] = recurrence.shape
  const one = (value: Value, d: number): Value => b.reshape(b.slice(value, [d], [d + 1], [0]), value.shape.slice(1))
  const directions = Array.from({ length: count }, (_, index): Direction => {
    const both = bias === undefined ? undefined : one(bias, index)
    const rows = weights.shape[1]
    return {
      index,
      isReverse: textAttr(node, 'direction', 'forward') === 'reverse' || index === 1,
      weights: one(weights, index),
      recurrence: one(recurrence, index),
      biases: both === undefined ? [] : [b.slice(both, [0], [rows], [0]), b.slice(both, [rows], [2 * rows], [0])],
      starts: Array.from({ length: states }, (_, i) => {
        const start = node.inputs[5 + i]
        if (start === undefined) return b.fill(0, [batch, hidden], x.dtype)
        return one(start, index)
      }),
    }
  })
  return { steps, batch, hidden, flat: b.reshape(x, [steps * batch, width]), directions }
}

function checkForm(node: Node, steps: number): void {
  const activations = node.attrs['activations']
  const usual = node.op === 'LSTM' ? 'Sigmoid,Tanh,Tanh' : node.op === 'GRU' ? 'Sigmoid,Tanh' : 'Tanh'
  const texts = Array.isArray(activations) ? activations.map(String) : []
  const isUsual = texts.every(
    (text, i) => text.toLowerCase() === usual.toLowerCase().split(',')[i % usual.split(',').length],
  )
  if (!isUsual) throw noGradient(node, `activations ${texts.join(', ')}`)
  if (node.attrs['clip'] !== undefined && floatAttr(node, 'clip', 0) > 0)
    throw noGradient(node, 'cells that are clipped')
  if (intAttr(node, 'layout', 0) === 1) throw noGradient(node, 'the batch stands before the steps')
  if (intAttr(node, 'input_forget', 0) === 1) throw noGradient(node, 'input and forget gates that are coupled')
  if (node.op === 'LSTM' && node.inputs[7] !== undefined) throw noGradient(node, 'peepholes')
  if (node.inputs[4] !== undefined && constantInput(node, 4)?.some((length) => length !== steps)) {
    throw noGradient(node, 'sequences of different lengths')
  }
}
