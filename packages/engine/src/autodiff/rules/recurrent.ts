/**
 * Gradients of recurrent layers. The forward layer gives all states, so what its gates were is computed for all steps at
 * once; only the cotangents of the states go back step by step, in a scan, and the gradients of the weights are one product
 * after it.
 */
import { Graph, type Value } from '../../ir/graph.ts'
import { intAttr } from '../../ir/ops/context.ts'
import type { VjpRule } from '../../ir/registry.ts'
import { Build } from '../build.ts'
import { named } from './body.ts'
import { type Direction, type Layer, layerOf } from './recurrent-form.ts'
import type { Rules } from './table.ts'

/** What one direction gives back. */
interface Pulled {
  /** Cotangents of the sums within the gates, for the inputs and for the states: float[steps * batch, gates * hidden]. */
  readonly inputs: Value
  readonly states: Value
  /** Cotangents of the initial states. */
  readonly starts: readonly Value[]
  /** Cotangent of the recurrent weights, where it is not the product of `states` and the states before. */
  readonly recurrence?: () => Value
}

interface Pulling extends Layer, Omit<Direction, 'index'> {
  readonly b: Build
  /** States before each step, as far as they are outputs: float[steps * batch, hidden]. */
  readonly before: Value
  /** Outputs: float[steps * batch, hidden]. */
  readonly after: Value
  /** Cotangents: of the outputs float[steps, batch, hidden], and of the last states. */
  readonly given: Value | undefined
  readonly ends: readonly (Value | undefined)[]
}

type Pull = (own: Pulling) => Pulled

/** Emit a scan over the steps; `body` gives the next states, and what is stacked. */
function stepping(
  { b, isReverse }: Pick<Pulling, 'b' | 'isReverse'>,
  isBack: boolean,
  starts: readonly Value[],
  scanned: readonly Value[],
  body: (b: Build, states: readonly Value[], own: readonly Value[]) => { states: Value[]; stacked: Value },
): { last: Value[]; stacked: Value } {
  const inner = new Graph(b.graph)
  const states = starts.map(({ dtype, shape }, i) => inner.input(`h${i}`, dtype, shape))
  const own = scanned.map(({ dtype, shape }, i) => inner.input(`x${i}`, dtype, shape.slice(1)))
  const next = body(new Build(inner), states, own)
  const outputs = [...next.states, next.stacked].map((value) => named(inner, value))
  const direction = isReverse === isBack ? 0 : 1
  const made = b.graph.emit(
    'Scan',
    [...starts, ...scanned],
    {
      num_scan_inputs: scanned.length,
      scan_input_directions: scanned.map(() => direction),
      scan_output_directions: [direction],
    },
    { bodies: { body: { graph: inner, outputs } } },
  )
  return { last: made.slice(0, starts.length), stacked: made[starts.length] }
}

/** The states before each step from those after it. */
function shiftedBack({ b, steps, isReverse }: Pulling, after: Value, start: Value): Value {
  const first = b.reshape(start, [1, ...start.shape])
  if (steps === 1) return first
  return isReverse
    ? b.concat([b.slice(after, [1], [steps], [0]), first], 0)
    : b.concat([first, b.slice(after, [0], [steps - 1], [0])], 0)
}

const columns = (b: Build, x: Value, from: number, to: number): Value => b.slice(x, [from], [to], [1])

/** Sums within the gates: inputs and states times their weights, and the biases. */
function sums({ b, flat, weights, recurrence, biases, before }: Pulling): Value {
  const bias = biases.length === 0 ? [] : [b.add(biases[0], biases[1])]
  const first = b.op('Gemm', [flat, weights, ...bias], { transB: 1 })
  return b.op('Gemm', [before, recurrence, first], { transB: 1 })
}

/** x (1 - x), the slope of a sigmoid. */
const slope = (b: Build, x: Value): Value => b.sub(x, b.square(x))
const slopeOfTanh = (b: Build, x: Value): Value => b.from(1, b.square(x))

const steps3 = ({ b, steps, batch }: Pulling, x: Value): Value => b.reshape(x, [steps, batch, x.shape[1]])

function flattened({ b, steps, batch }: Pulling, x: Value): Value {
  return b.reshape(x, [steps * batch, x.shape[2]])
}

/** The cotangent of a state, with that of the output of the step where there is one. */
function withGiven(b: Build, own: readonly Value[], hasGiven: boolean, state: Value): Value {
  return hasGiven ? b.add(state, own[own.length - 1]) : state
}

const lstm: Pull = (own) => {
  const { b, hidden: n, starts, given, recurrence } = own
  const all = sums(own)
  const gates = b.op('Sigmoid', [columns(b, all, 0, 3 * n)])
  const [i, o, f] = [0, 1, 2].map((k) => columns(b, gates, k * n, (k + 1) * n))
  const g = b.op('Tanh', [columns(b, all, 3 * n, 4 * n)])
  const kept = steps3(own, f)
  const cells = stepping(own, false, [starts[1]], [kept, steps3(own, b.mul(i, g))], (inner, [c], [k, added]) => {
    const next = inner.add(inner.mul(c, k), added)
    return { states: [next], stacked: next }
  }).stacked
  const c = flattened(own, cells)
  const past = flattened(own, shiftedBack(own, cells, starts[1]))
  const bent = b.op('Tanh', [c])
  const toCell = steps3(own, b.mul(o, slopeOfTanh(b, bent)))
  // What a cotangent of the cell (i, f, g) or of the output (o) is to the sum within each gate.
  const factors = b.mul(b.concat([g, bent, past], 1), slope(b, gates))
  const toSums = steps3(own, b.concat([factors, b.mul(i, slopeOfTanh(b, g))], 1))
  const hasGiven = given !== undefined
  const scanned = [toCell, kept, toSums, ...(hasGiven ? [given] : [])]
  const { last, stacked } = stepping(own, true, endsOf(own), scanned, (inner, [h, cell], xs) => {
    const dh = withGiven(inner, xs, hasGiven, h)
    const dc = inner.add(cell, inner.mul(dh, xs[0]))
    const d = inner.mul(inner.concat([dc, dh, dc, dc], 1), xs[2])
    return { states: [inner.op('MatMul', [d, recurrence]), inner.mul(dc, xs[1])], stacked: d }
  })
  const d = flattened(own, stacked)
  return { inputs: d, states: d, starts: last }
}

/** Cotangents of the last states, zeros where there are none. */
function endsOf({ b, ends, starts }: Pulling): Value[] {
  return starts.map(({ shape, dtype }, i) => ends[i] ?? b.fill(0, shape, dtype))
}

const rnn: Pull = (own) => {
  const { b, after, given, recurrence } = own
  const hasGiven = given !== undefined
  const scanned = [steps3(own, slopeOfTanh(b, after)), ...(hasGiven ? [given] : [])]
  const { last, stacked } = stepping(own, true, endsOf(own), scanned, (inner, [h], xs) => {
    const d = inner.mul(withGiven(inner, xs, hasGiven, h), xs[0])
    return { states: [inner.op('MatMul', [d, recurrence])], stacked: d }
  })
  const d = flattened(own, stacked)
  return { inputs: d, states: d, starts: last }
}

/** With h = n + z (before - n); the reset gate acts after the product with the state (linear_before_reset), or before it. */
function gru(isLinear: boolean): Pull {
  return (own) => {
    const { b, hidden: n, flat, weights, recurrence, biases, before, given } = own
    const [two, three] = [2 * n, 3 * n]
    const rows = (x: Value, from: number, to: number): Value => b.slice(x, [from], [to], [0])
    const fromInputs = b.op('Gemm', [flat, weights, ...biases.slice(0, 1)], { transB: 1 })
    const bias = biases.length === 0 ? undefined : biases[1]
    const gateBias = bias === undefined ? [] : [rows(bias, 0, two)]
    const gateSums = b.op('Gemm', [before, rows(recurrence, 0, two), ...gateBias], { transB: 1 })
    const gates = b.op('Sigmoid', [b.add(gateSums, columns(b, fromInputs, 0, two))])
    const [z, r] = [columns(b, gates, 0, n), columns(b, gates, n, two)]
    const inner = rows(recurrence, two, three)
    const ownBias = bias === undefined ? [] : [rows(bias, two, three)]
    const seen = isLinear ? before : b.mul(r, before)
    const reset = b.op('Gemm', [seen, inner, ...ownBias], { transB: 1 })
    const candidate = b.op('Tanh', [b.add(columns(b, fromInputs, two, three), isLinear ? b.mul(r, reset) : reset)])
    const toCandidate = b.mul(b.from(1, z), slopeOfTanh(b, candidate))
    const toUpdate = b.mul(b.sub(before, candidate), slope(b, z))
    const toReset = b.mul(isLinear ? reset : before, slope(b, r))
    const hasGiven = given !== undefined
    const scanned = [z, r, toUpdate, toReset, toCandidate].map((value) => steps3(own, value))
    const upper = rows(recurrence, 0, two)
    const { last, stacked } = stepping(
      own,
      true,
      endsOf(own),
      hasGiven ? [...scanned, given] : scanned,
      (i, [h], xs) => {
        const dh = withGiven(i, xs, hasGiven, h)
        const [kept, open, update, resets, through] = xs
        const dn = i.mul(dh, through)
        const dz = i.mul(dh, update)
        const past = i.mul(dh, kept)
        if (isLinear) {
          const d = i.concat([dz, i.mul(dn, resets)], 1)
          const back = i.op('MatMul', [i.concat([d, i.mul(dn, open)], 1), recurrence])
          return { states: [i.add(past, back)], stacked: i.concat([d, dn], 1) }
        }
        const turned = i.op('MatMul', [dn, inner])
        const d = i.concat([dz, i.mul(turned, resets)], 1)
        const back = i.add(i.mul(turned, open), i.op('MatMul', [d, upper]))
        return { states: [i.add(past, back)], stacked: i.concat([d, dn], 1) }
      },
    )
    const d = flattened(own, stacked)
    const [dGates, dCandidate] = [columns(b, d, 0, two), columns(b, d, two, three)]
    if (isLinear) return { inputs: d, states: b.concat([dGates, b.mul(dCandidate, r)], 1), starts: last }
    const recurrent = (): Value =>
      b.concat([b.matmul(dGates, before, { ta: true }), b.matmul(dCandidate, seen, { ta: true })], 0)
    return { inputs: d, states: d, starts: last, recurrence: recurrent }
  }
}

function rule(pullOf: (linear: boolean) => Pull, states: number): VjpRule {
  return ({ graph, node, cotangents, needs }) => {
    const b = new Build(graph)
    const pull = pullOf(intAttr(node, 'linear_before_reset', 0) !== 0)
    const layer = layerOf(b, node, states)
    const { steps, batch, hidden, directions, flat } = layer
    const y = node.outputs[0]
    const [given, ...ends] = cotangents
    const pulled = directions.map((direction) => {
      const at = (value: Value | undefined, axis: number, shape: readonly number[]): Value | undefined =>
        value && b.reshape(b.slice(value, [direction.index], [direction.index + 1], [axis]), shape)
      const after = at(y, 1, [steps, batch, hidden]) as Value
      const own: Pulling = {
        ...layer,
        ...direction,
        b,
        after: b.reshape(after, [steps * batch, hidden]),
        before: after,
        given: at(given, 1, [steps, batch, hidden]),
        ends: ends.map((value) => at(value, 0, [batch, hidden])),
      }
      const before = b.reshape(shiftedBack(own, after, direction.starts[0]), [steps * batch, hidden])
      return { ...pull({ ...own, before }), before, direction }
    })
    const stack = (values: readonly Value[]): Value =>
      b.concat(
        values.map((value) => b.reshape(value, [1, ...value.shape])),
        0,
      )
    const start = (i: number): Value => stack(pulled.map(({ starts }) => starts[i]))
    const gradients: Readonly<Record<number, () => Value>> = {
      0: () => {
        const flats = pulled.map(({ inputs, direction }) => b.matmul(inputs, direction.weights))
        return b.reshape(
          flats.reduce((sum, own) => b.add(sum, own)),
          [steps, batch, flat.shape[1]],
        )
      },
      1: () => stack(pulled.map(({ inputs }) => b.matmul(inputs, flat, { ta: true }))),
      2: () =>
        stack(pulled.map(({ states: d, before, recurrence }) => recurrence?.() ?? b.matmul(d, before, { ta: true }))),
      3: () =>
        stack(pulled.map(({ inputs, states: d }) => b.concat([b.sum(inputs, [0], false), b.sum(d, [0], false)], 0))),
      5: () => start(0),
      6: () => start(1),
    }
    return node.inputs.map((_, i) => (needs(i) ? gradients[i]?.() : undefined))
  }
}

export const RECURRENT: Rules = {
  ':LSTM': rule(() => lstm, 2),
  ':RNN': rule(() => rnn, 1),
  ':GRU': rule(gru, 1),
}
