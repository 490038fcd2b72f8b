import { PithError } from '@pith/core'
import {
  type Attrs,
  allOps,
  type DType,
  Graph,
  opDef,
  registerOp,
  type Subgraph,
  Tensor,
  type Value,
} from '@pith/engine'
import { describe, expect, it } from 'vitest'
import { run, shaped } from '../../../test/ir/run-node.ts'

type Shape = readonly number[]
const V = (text: string, graph: Graph): Value | undefined => {
  if (text === '-') return undefined
  const [dtype, lengths] = text.split(':') as [string, string]
  if (dtype === 'ints') return graph.ints(lengths === '' ? [] : lengths.split(',').map(Number))
  return graph.input(`x${graph.inputs.length}`, dtype as DType, lengths === '' ? [] : lengths.split(',').map(Number))
}

/** Outputs of a node whose inputs are written as `f32:2,3` or, for constants, `ints:1,2`. */
function emit(op: string, inputs: string, attrs: Attrs = {}, domain: string = '', outputs?: number): readonly Value[] {
  const graph = new Graph()
  const values = inputs === '' ? [] : inputs.split(' ').map((text) => V(text, graph))
  return graph.emit(op, values, attrs, { domain, ...(outputs === undefined ? {} : { outputs }) })
}

describe('what an operator does not take is refused by name and shapes', () => {
  const cases: [op: string, inputs: string, attrs: Attrs, code: string, text: RegExp][] = [
    ['Add', 'f32:2,3 f32:4', {}, 'PITH_SHAPE', /^Add: \[2, 3\] and \[4\] do not broadcast/],
    ['Add', 'f32:2 i64:2', {}, 'PITH_DTYPE', /^Add\(f32\[2\], i64\[2\]\): the inputs are not of one type/],
    ['Sin', 'i64:2', {}, 'PITH_DTYPE', /^Sin\(i64\[2\]\)/],
    ['Where', 'f32:2 f32:2 f32:2', {}, 'PITH_DTYPE', /input 0 is not bool/],
    ['PRelu', 'f32:3 f32:2,3', {}, 'PITH_SHAPE', /does not broadcast into/],
    [
      'MatMul',
      'f32:2,3 f32:4,5',
      {},
      'PITH_SHAPE',
      /^MatMul\(f32\[2, 3\], f32\[4, 5\]\): the length that is summed over is 3 and 4/,
    ],
    ['MatMul', 'f32: f32:2', {}, 'PITH_SHAPE', /scalar/],
    ['Gemm', 'f32:2,3 f32:3,4 f32:3', {}, 'PITH_SHAPE', /broadcast/],
    ['Gemm', 'f32:2,3,4 f32:3,4', {}, 'PITH_SHAPE', /rank 3 is not 2/],
    ['Reshape', 'f32:2,3 ints:4', {}, 'PITH_SHAPE', /the number of elements is 6 and 4/],
    ['Reshape', 'f32:2,3 ints:-1,-1', {}, 'PITH_SHAPE', /two axes open/],
    ['Reshape', 'f32:2,3 ints:-1,4', {}, 'PITH_SHAPE', /6 elements do not fill \[-1, 4\]/],
    ['Reshape', 'f32:2,3 ints:2,3,0', {}, 'PITH_SHAPE', /copies an axis/],
    ['Reshape', 'f32:2,3 i64:1000000000000', {}, 'PITH_SHAPE', /rank 1000000000000/],
    ['Transpose', 'f32:2,3', { perm: [0, 0] }, 'PITH_SHAPE', /does not order 2 axes/],
    ['Squeeze', 'f32:2,3 ints:0', {}, 'PITH_SHAPE', /axis 0 is not of length 1/],
    ['Unsqueeze', 'f32:2 ints:0,0', {}, 'PITH_SHAPE', /named twice/],
    ['Expand', 'f32:2,3 ints:2,4', {}, 'PITH_SHAPE', /do not broadcast/],
    ['Tile', 'f32:2,3 ints:9007199254740991,1', {}, 'PITH_SHAPE', /a length of/],
    ['Concat', 'f32:2,3 f32:3,3', { axis: 1 }, 'PITH_SHAPE', /axis 0 is 2 and 3/],
    ['Concat', 'f32:2,3 f32:2,3', {}, 'PITH_MODEL', /attribute axis is missing/],
    ['Split', 'f32:5 ints:2,2', {}, 'PITH_SHAPE', /do not make 5/],
    ['Split', 'f32:5', { num_outputs: 1e12 }, 'PITH_LIMIT', /more than 65536/],
    ['Slice', 'f32:5 ints:0 ints:1 ints:1', {}, 'PITH_SHAPE', /no axis 1/],
    ['Slice', 'f32:5 ints:0 ints:1 ints:0 ints:0', {}, 'PITH_SHAPE', /step of axis 0 is 0/],
    ['Pad', 'f32:2 ints:1', {}, 'PITH_SHAPE', /1 pads for 1 axes/],
    ['Pad', 'f32:2 ints:-2,-1', {}, 'PITH_SHAPE', /would have -1/],
    ['Gather', 'f32:2 f32:2', {}, 'PITH_DTYPE', /input 1 is not i32, i64/],
    ['GatherND', 'f32:2,3 i64:1,3', {}, 'PITH_SHAPE', /name 3 axes/],
    ['ScatterND', 'f32:2,3 i64:4,1 f32:4,2', {}, 'PITH_SHAPE', /axis 1 of the updates is 3 and 2/],
    ['ScatterElements', 'f32:2,3 i64:2,3 f32:2,2', {}, 'PITH_SHAPE', /not the shape of the indices/],
    ['Conv', 'f32:1,3,5,5 f32:4,2,3,3', {}, 'PITH_SHAPE', /3 channels are not 1 groups of 2/],
    ['Conv', 'f32:1,2,2,2 f32:4,2,3,3', {}, 'PITH_SHAPE', /window of 3 is larger than axis 2/],
    ['Conv', 'f32:1,2,5,5 f32:4,2,3,3', { strides: [0, 1] }, 'PITH_MODEL', /strides \[0, 1\]/],
    ['Conv', 'f32:1,2,5,5 f32:4,2,3,3', { auto_pad: 'SOME' }, 'PITH_MODEL', /no auto_pad SOME/],
    ['MaxPool', 'f32:1,2,5,5', {}, 'PITH_MODEL', /kernel_shape is missing/],
    ['Resize', 'f32:1,2 - -', {}, 'PITH_MODEL', /either scales or sizes/],
    ['TopK', 'f32:3 ints:4', {}, 'PITH_SHAPE', /k = 4 of an axis of length 3/],
    ['ReduceSum', 'f32:2,3 ints:2', {}, 'PITH_SHAPE', /no axis 2/],
    ['LayerNormalization', 'f32:2,3 f32:4', {}, 'PITH_SHAPE', /normalised axis is 4 and 3/],
    ['BatchNormalization', 'f32:2,3 f32:3 f32:3 f32:2 f32:3', {}, 'PITH_SHAPE', /number of channels is 2 and 3/],
    ['LSTM', 'f32:5,2,4 f32:1,12,4 f32:1,11,3', { hidden_size: 3 }, 'PITH_SHAPE', /axis 1 of input 2 is 11 and 12/],
    ['LSTM', 'f32:5,2,4 f32:1,12,4 f32:1,12,3', {}, 'PITH_MODEL', /hidden_size is missing/],
    ['DFT', 'f32:2,6,2', { onesided: 1 }, 'PITH_SHAPE', /complex input/],
    ['Einsum', 'f32:2,3 f32:4,5', { equation: 'ij,jk->ik' }, 'PITH_SHAPE', /axis j has two lengths/],
    ['Einsum', 'f32:2,3', { equation: 'ij->iz' }, 'PITH_MODEL', /names "z"/],
    ['Einsum', 'f32:2,3', { equation: 'ijk->i' }, 'PITH_SHAPE', /does not name 2 axes/],
    ['Cast', 'f32:2', { to: 99 }, 'PITH_MODEL', /to = 99 is not a known type/],
    ['QuantizeLinear', 'f32:2,3 f32:2', {}, 'PITH_SHAPE', /number of scales of axis 1 is 2 and 3/],
    ['If', 'bool:', {}, 'PITH_MODEL', /body then_branch is missing/],
    ['Add', 'f32:2', {}, 'PITH_SHAPE', /takes two inputs/],
    ['Relu', '', {}, 'PITH_MODEL', /input 0 is missing/],
  ]
  it.each(cases)('%s %s %o', (op, inputs, attrs, code, text) => {
    const act = (): unknown => emit(op, inputs, attrs)
    expect(act).toThrow(expect.objectContaining({ code }) as Error)
    expect(act).toThrow(text)
  })

  it('a value with too many axes', () => {
    const act = (): unknown => new Graph().input('x', 'f32', new Array<number>(65).fill(1))
    expect(act).toThrow(expect.objectContaining({ code: 'PITH_LIMIT' }) as Error)
  })
})

describe('lengths that are not known before a run stay open', () => {
  const cases: [op: string, inputs: string, attrs: Attrs, shape: Shape][] = [
    ['Add', 'f32:-1,3 f32:3', {}, [-1, 3]],
    ['Add', 'f32:-1,3 f32:4,1', {}, [4, 3]],
    ['MatMul', 'f32:-1,8,3 f32:3,4', {}, [-1, 8, 4]],
    ['Reshape', 'f32:-1,3,4 ints:0,12', {}, [-1, 12]],
    ['Reshape', 'f32:-1,3,4 ints:0,-1', {}, [-1, 12]],
    ['Reshape', 'f32:-1,3,4 ints:0,0,2,-1', {}, [-1, 3, 2, 2]],
    ['Reshape', 'f32:-1,3,4 ints:-1,4', {}, [-1, 4]],
    ['Reshape', 'f32:6 i64:2', {}, [-1, -1]],
    ['Flatten', 'f32:-1,3,4', {}, [-1, 12]],
    ['Transpose', 'f32:-1,3', {}, [3, -1]],
    ['Concat', 'f32:-1,3 f32:2,3', { axis: 0 }, [-1, 3]],
    ['Concat', 'f32:-1,3 f32:2,3', { axis: 1 }, [2, 6]],
    ['Slice', 'f32:-1,9 ints:1 ints:3 ints:1', {}, [-1, 2]],
    ['Slice', 'f32:-1,9 ints:1 ints:3', {}, [-1, 9]],
    ['Slice', 'f32:4,9 i64:1 ints:3 ints:0', {}, [-1, 9]],
    ['Expand', 'f32:1,3 i64:2', {}, [-1, 3]],
    ['Pad', 'f32:-1,3 ints:0,1,0,1', {}, [-1, 5]],
    ['Conv', 'f32:-1,3,-1,5 f32:4,3,3,3', { pads: [1, 1, 1, 1] }, [-1, 4, -1, 5]],
    ['MaxPool', 'f32:-1,3,8,-1', { kernel_shape: [2, 2], strides: [2, 2] }, [-1, 3, 4, -1]],
    ['ReduceMean', 'f32:-1,3,4 ints:1', {}, [-1, 1, 4]],
    ['ReduceMean', 'f32:2,3,4 i64:1', { keepdims: 0 }, [-1, -1]],
    ['Gather', 'f32:9,4 i64:-1,-1', {}, [-1, -1, 4]],
    ['Unsqueeze', 'f32:-1 ints:0', {}, [1, -1]],
    ['TopK', 'f32:-1,5 ints:2', {}, [-1, 2]],
    ['LSTM', 'f32:-1,-1,4 f32:1,12,4 f32:1,12,3', { hidden_size: 3 }, [-1, 1, -1, 3]],
    ['DFT', 'f32:-1,8,1', { onesided: 1 }, [-1, 5, 2]],
    ['GroupNormalization', 'f32:-1,4,-1 f32:2 f32:2', { num_groups: 2 }, [-1, 4, -1]],
    ['Range', 'i64: i64: i64:', {}, [-1]],
    ['Resize', 'f32:1,2,4,4 - - i64:4', {}, [-1, -1, -1, -1]],
  ]
  it.each(cases)('%s %s', (op, inputs, attrs, shape) => {
    expect(emit(op, inputs, attrs)[0]?.shape).toEqual(shape)
  })
})

describe('control flow', () => {
  /** A body of a graph with inputs and what it makes of them. */
  function body(
    parent: Graph,
    inputs: [string, DType, Shape][],
    make: (graph: Graph, xs: Value[]) => Value[],
  ): Subgraph {
    const graph = new Graph(parent)
    const values = inputs.map(([name, dtype, shape]) => graph.input(name, dtype, shape))
    return { graph, outputs: make(graph, values) }
  }
  const one = (values: readonly Value[]): Value => values[0] as Value

  it('Scan gives its states and stacks the rest', async () => {
    const graph = new Graph()
    const [h, x] = [graph.input('x0', 'f32', [2]), graph.input('x1', 'f32', [5, 2])]
    const inner: [string, DType, Shape][] = [
      ['h', 'f32', [2]],
      ['x', 'f32', [2]],
    ]
    const step = body(graph, inner, (g, [a, b]) => {
      const sum = one(g.emit('Add', [a, b]))
      return [sum, one(g.emit('Mul', [sum, sum]))]
    })
    const attrs = { num_scan_inputs: 1, scan_output_axes: [1] }
    const values = graph.emit('Scan', [h, x], attrs, { bodies: { body: step } })
    expect(values.map((value) => value.shape)).toEqual([[2], [2, 5]])
    const given = [shaped([1, 2], [2], 'f32'), shaped([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [5, 2], 'f32')]
    const [state, rows] = await run(values, given)
    expect(state?.data).toEqual(Float32Array.of(21, 27))
    expect(rows?.shape).toEqual([2, 5])
    expect(values[0]?.node?.def?.flops?.(values[0].node)).toBe(5 * 4)
  })

  it('Scan refuses slices that the body does not take', () => {
    const graph = new Graph()
    const step = body(graph, [['x', 'f32', [3]]], (g, xs) => [...g.emit('Neg', xs)])
    const act = (): unknown =>
      graph.emit('Scan', [graph.input('x', 'f32', [5, 2])], { num_scan_inputs: 1 }, { bodies: { body: step } })
    expect(act).toThrow(/the scanned value 0 is 2 and 3/)
  })

  it('Loop counts its steps where they are known', async () => {
    const graph = new Graph()
    const loop: [string, DType, Shape][] = [
      ['i', 'i64', []],
      ['on', 'bool', []],
      ['a', 'f32', [2]],
    ]
    const step = body(graph, loop, (g, [, on, a]) => {
      const next = one(g.emit('Add', [a, a]))
      return [one(g.emit('Identity', [on])), next, next]
    })
    const values = graph.emit(
      'Loop',
      [graph.scalar(3, 'i64'), undefined, graph.input('x0', 'f32', [2])],
      {},
      { bodies: { body: step } },
    )
    expect(values.map((value) => value.shape)).toEqual([[2], [3, 2]])
    const [last, all] = await run(values, [shaped([1, 2], [2], 'f32')])
    expect(last?.data).toEqual(Float32Array.of(8, 16))
    expect(all?.shape).toEqual([3, 2])
  })

  it('If has the lengths that both branches have', async () => {
    const graph = new Graph()
    const x = graph.input('x0', 'f32', [2, 3])
    const test = graph.input('x1', 'bool', [])
    const same = (op: string): Subgraph => body(graph, [], (g) => [...g.emit(op, [x])])
    const other = body(graph, [], (g) => [...g.emit('Slice', [x, g.ints([0]), g.ints([1])])])
    const emitIf = (else_branch: Subgraph): Value =>
      one(graph.emit('If', [test], {}, { bodies: { then_branch: same('Neg'), else_branch } }))
    expect(emitIf(other).shape).toEqual([-1, 3])
    const made = emitIf(same('Abs'))
    expect(made.shape).toEqual([2, 3])
    const given = [shaped([1, 2, 3, 4, 5, 6], [2, 3], 'f32')]
    const flag = { tensor: new Tensor(Uint8Array.of(1), [], 'bool'), isConstant: false }
    expect((await run([made], [...given, flag]))[0]?.data).toEqual(Float32Array.of(-1, -2, -3, -4, -5, -6))
  })
})

describe('the registry', () => {
  it('knows every operator once, in the order of names', () => {
    const keys = allOps().map(({ name, domain = '' }) => `${domain}:${name}`)
    expect(new Set(keys).size).toBe(keys.length)
    expect(keys).toContain('com.microsoft:FusedMatMul')
  })

  it("takes a user's operator, once", () => {
    const def = { name: 'Halve', domain: 'test.own', infer: () => [{ dtype: 'f32' as const, shape: [1] }] }
    registerOp(def)
    expect(opDef('Halve', 'test.own')).toBe(def)
    expect(() => registerOp(def)).toThrow(PithError)
    expect(emit('Halve', 'f32:2', {}, 'test.own')[0]?.shape).toEqual([1])
  })

  it('counts operations', () => {
    const flops = (values: readonly Value[]): number | undefined => values[0]?.node?.def?.flops?.(values[0].node)
    expect(flops(emit('MatMul', 'f32:2,3 f32:3,4'))).toBe(48)
    expect(flops(emit('Gemm', 'f32:3,2 f32:3,4', { transA: 1 }))).toBe(48)
    expect(flops(emit('Einsum', 'f32:2,3 f32:3,4', { equation: 'ij,jk->ik' }))).toBe(48)
    expect(flops(emit('Conv', 'f32:1,4,5,5 f32:6,2,3,3', { group: 2 }))).toBe(2 * 6 * 9 * 18)
    expect(flops(emit('ConvTranspose', 'f32:1,4,5 f32:4,2,3'))).toBe(2 * 20 * 6)
    expect(flops(emit('LSTM', 'f32:5,2,4 f32:1,12,4 f32:1,12,3', { hidden_size: 3 }))).toBe(20 * 84)
  })
})
