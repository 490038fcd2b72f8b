import { describe, expect, test } from 'vitest'
import { failure } from '../../test/errors.ts'
import { Graph, type Value } from '../ir/graph.ts'
import { loadRuntime } from '../runtime/load.ts'
import { type Params, Tensor } from '../tensor.ts'
import { toModel } from './export.ts'
import { fromModel, type ImportOptions } from './import.ts'
import type { AttributeProto, GraphProto, ModelProto, NodeProto, ValueInfoProto } from './proto.ts'
import { readModel } from './read.ts'
import { fromTensor } from './tensor-proto.ts'
import { writeModel } from './write.ts'

const f32 = (values: readonly number[], ...shape: number[]): Tensor => new Tensor(Float32Array.from(values), shape)
const ints = (...values: number[]): Tensor => new Tensor(BigInt64Array.from(values, BigInt), [values.length])
const range = (length: number): number[] => Array.from({ length }, (_, i) => i)

const info = (name: string, shape: readonly (number | string)[], elemType = 1): ValueInfoProto => ({
  name,
  type: {
    tensorType: {
      elemType,
      shape: { dim: shape.map((dim) => (typeof dim === 'number' ? { dimValue: dim } : { dimParam: dim })) },
    },
  },
})

const attr = {
  int: (name: string, i: number): AttributeProto => ({ name, i, type: 2 }),
  float: (name: string, f: number): AttributeProto => ({ name, f, type: 1 }),
  text: (name: string, s: string): AttributeProto => ({ name, s: new TextEncoder().encode(s), type: 3 }),
  ints: (name: string, ...list: (number | bigint)[]): AttributeProto => ({ name, ints: list, type: 7 }),
  floats: (name: string, ...list: number[]): AttributeProto => ({ name, floats: list, type: 6 }),
}

const node = (opType: string, input: string[], output: string[], ...attribute: AttributeProto[]): NodeProto => ({
  opType,
  input,
  output,
  attribute,
})

const modelOf = (graph: GraphProto, opset = 20, more: ModelProto = {}): ModelProto => ({
  irVersion: 8,
  opsetImport: [{ domain: '', version: opset }],
  graph,
  ...more,
})

/** Import, export, run. */
async function run(model: ModelProto, feeds: Params, options: ImportOptions = {}): Promise<Record<string, Tensor>> {
  const imported = fromModel(readModel(writeModel(model)), options)
  const again = writeModel(toModel(imported.graph, imported.outputs, { initialisers: imported.tensors }))
  const session = await (await loadRuntime()).create(again)
  try {
    return await session.run(feeds)
  } finally {
    await session.dispose()
  }
}

const values = (tensor: Tensor | undefined): number[] => Array.from(tensor?.data as ArrayLike<number>, Number)

describe('old operator sets', () => {
  const x = f32(range(24), 2, 3, 4)
  const unary = async (opset: number, own: NodeProto, input = x): Promise<Tensor> => {
    const graph = { node: [own], input: [info('x', input.shape)], output: [{ name: 'y' }] }
    return (await run(modelOf(graph, opset), { x: input }))['y'] as Tensor
  }

  test('an addend is put to an axis (below 7)', async () => {
    const graph = {
      node: [node('Add', ['x', 'b'], ['y'], attr.int('broadcast', 1), attr.int('axis', 1))],
      input: [info('x', [2, 3, 4]), info('b', [3])],
      output: [{ name: 'y' }],
    }
    const { y } = await run(modelOf(graph, 6), { x, b: f32([100, 200, 300], 3) })
    expect(values(y)).toEqual(range(24).map((i) => i + 100 * (1 + (Math.floor(i / 4) % 3))))
  })

  test('softmax over all axes from one on (below 13)', async () => {
    const y = await unary(12, node('Softmax', ['x'], ['y'], attr.int('axis', 1)))
    const sums = [0, 12].map((from) =>
      values(y)
        .slice(from, from + 12)
        .reduce((sum, value) => sum + value, 0),
    )
    expect(y.shape).toEqual([2, 3, 4])
    for (const sum of sums) expect(sum).toBeCloseTo(1, 5)
    const last = values(await unary(9, node('Softmax', ['x'], ['y'], attr.int('axis', 2))))
    expect(last[0]! + last[1]! + last[2]! + last[3]!).toBeCloseTo(1, 5)
  })

  test('slices with ends beyond any axis (below 10)', async () => {
    const own = node(
      'Slice',
      ['x'],
      ['y'],
      attr.ints('starts', 1),
      attr.ints('ends', 2n ** 63n - 1n),
      attr.ints('axes', 2),
    )
    expect((await unary(9, own)).shape).toEqual([2, 3, 3])
  })

  test.each<[string, number, NodeProto, number[], number]>([
    ['ReduceMean', 17, node('ReduceMean', ['x'], ['y'], attr.ints('axes', 1, 2), attr.int('keepdims', 0)), [2], 5.5],
    ['ReduceSum', 11, node('ReduceSum', ['x'], ['y'], attr.ints('axes', 2), attr.int('keepdims', 1)), [2, 3, 1], 6],
    ['Unsqueeze', 11, node('Unsqueeze', ['x'], ['y'], attr.ints('axes', 0)), [1, 2, 3, 4], 0],
    ['Clip', 6, node('Clip', ['x'], ['y'], attr.float('min', 2), attr.float('max', 5)), [2, 3, 4], 2],
    ['Pad', 2, node('Pad', ['x'], ['y'], attr.ints('pads', 0, 0, 1, 0, 0, 0), attr.float('value', 9)), [2, 3, 5], 9],
    ['Reshape', 4, node('Reshape', ['x'], ['y'], attr.ints('shape', 0, -1)), [2, 12], 0],
    ['Dropout', 6, node('Dropout', ['x'], ['y'], attr.int('is_test', 1), attr.float('ratio', 0.5)), [2, 3, 4], 0],
    ['Cast', 5, node('Cast', ['x'], ['y'], attr.text('to', 'INT32')), [2, 3, 4], 0],
  ])('%s of opset %i', async (_, opset, own, shape, first) => {
    const y = await unary(opset, own)
    expect(y.shape).toEqual(shape)
    expect(values(y)[0]).toBe(first)
  })

  test('Split and TopK with attributes', async () => {
    const graph = {
      node: [
        node('Split', ['x'], ['a', 'b'], attr.int('axis', 2), attr.ints('split', 1, 3)),
        node('TopK', ['b'], ['top', 'where'], attr.int('k', 2)),
      ],
      input: [info('x', [2, 3, 4])],
      output: [{ name: 'a' }, { name: 'top' }],
    }
    const { a, top } = await run(modelOf(graph, 9), { x })
    expect(a?.shape).toEqual([2, 3, 1])
    expect(values(top).slice(0, 2)).toEqual([3, 2])
  })

  test('Upsample and Resize by nearest neighbours', async () => {
    const image = f32([1, 2, 3, 4], 1, 1, 2, 2)
    const wanted = [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4]
    const old = node('Upsample', ['x'], ['y'], attr.text('mode', 'nearest'), attr.floats('scales', 1, 1, 2, 2))
    expect(values(await unary(7, old, image))).toEqual(wanted)
    const resize = {
      node: [node('Resize', ['x', 's'], ['y'], attr.text('mode', 'nearest'))],
      input: [info('x', [1, 1, 2, 2])],
      initializer: [fromTensor(f32([1, 1, 2, 2], 4), 's')],
      output: [{ name: 'y' }],
    }
    expect(values((await run(modelOf(resize, 10), { x: image }))['y'])).toEqual(wanted)
  })

  test('batch normalisation without its training outputs', async () => {
    const graph = {
      node: [
        node('BatchNormalization', ['x', 's', 'b', 'm', 'v'], ['y'], attr.int('spatial', 1), attr.float('epsilon', 0)),
      ],
      input: [info('x', [2, 3, 4])],
      initializer: ['s', 'b', 'm', 'v'].map((name, i) =>
        fromTensor(f32(new Array(3).fill([2, 1, 0, 4][i] as number), 3), name),
      ),
      output: [{ name: 'y' }],
    }
    expect(values((await run(modelOf(graph, 7), { x }))['y'])).toEqual(range(24).map((i) => i + 1))
  })

  test('group normalisation with values by channel (from 21)', async () => {
    const graph = {
      node: [node('GroupNormalization', ['x', 's', 'b'], ['y'], attr.int('num_groups', 2), attr.float('epsilon', 0))],
      input: [info('x', [1, 4, 1])],
      initializer: [fromTensor(f32([1, 2, 3, 4], 4), 's'), fromTensor(f32([0, 0, 10, 0], 4), 'b')],
      output: [{ name: 'y' }],
    }
    const { y } = await run(modelOf(graph, 21), { x: f32([0, 2, 5, 1], 1, 4, 1) })
    for (const [i, value] of [-1, 2, 13, -4].entries()) expect(values(y)[i]).toBeCloseTo(value, 4)
  })

  test('what has no form in opset 20 is refused by its name', () => {
    const scan = { node: [node('Scan', ['x'], ['y'])], input: [info('x', [2])], output: [{ name: 'y' }] }
    expect(failure(() => fromModel(modelOf(scan, 8)))).toMatchObject({
      code: 'PITH_MODEL',
      message: expect.stringContaining('Scan'),
    })
    expect(failure(() => fromModel(modelOf({}, 99))).code).toBe('PITH_MODEL')
  })
})

describe('weights', () => {
  const tied: GraphProto = {
    node: [
      node('Identity', ['one.bias'], ['two.bias']),
      node('Add', ['x', 'one.bias'], ['h']),
      node('Add', ['h', 'two.bias'], ['y']),
    ],
    input: [info('x', [2])],
    initializer: [fromTensor(f32([1, 2], 2), 'one.bias')],
    output: [{ name: 'y' }],
  }

  test('equal ones that PyTorch merged are untied, and are weights of the file that is saved', async () => {
    const model = modelOf(tied, 17, { producerName: 'pytorch' })
    const imported = fromModel(model)
    expect(Object.keys(imported.params)).toEqual(['one.bias', 'two.bias'])
    expect(imported.tensors['two.bias']).toEqual(imported.tensors['one.bias'])
    expect(imported.tensors['two.bias']?.data).not.toBe(imported.tensors['one.bias']?.data)
    const saved = toModel(imported.graph, imported.outputs, { initialisers: imported.tensors })
    expect(saved.graph?.initializer?.map(({ name }) => name)).toEqual(['one.bias', 'two.bias'])
    expect(saved.graph?.node?.map(({ opType }) => opType)).toEqual(['Add', 'Add'])
    expect(values((await run(model, { x: f32([0, 0], 2) }))['y'])).toEqual([2, 4])
  })

  test('they stay one where asked, and for other producers', () => {
    expect(Object.keys(fromModel(modelOf(tied)).params)).toEqual(['one.bias'])
    const model = modelOf(tied, 17, { producerName: 'pytorch' })
    expect(Object.keys(fromModel(model, { untie: false }).params)).toEqual(['one.bias'])
  })

  test('which initialisers are weights can be said', () => {
    const imported = fromModel(modelOf(tied), { isParam: () => false })
    expect(imported.params).toEqual({})
    expect(imported.graph.inputs.map(({ name }) => name)).toEqual(['x'])
  })

  test('double precision is kept or cast', () => {
    const graph: GraphProto = {
      node: [node('Cast', ['x'], ['d'], attr.int('to', 11)), node('Add', ['d', 'w'], ['y'])],
      input: [info('x', [1])],
      initializer: [fromTensor(new Tensor(Float64Array.of(0.5)), 'w')],
      output: [{ name: 'y' }],
    }
    expect(fromModel(modelOf(graph)).outputs['y']?.dtype).toBe('f64')
    const cast = fromModel(modelOf(graph), { f64: 'cast' })
    expect(cast.outputs['y']?.dtype).toBe('f32')
    expect(cast.tensors['w']).toEqual(f32([0.5], 1))
  })
})

describe('graphs', () => {
  const reshape: GraphProto = {
    node: [
      node('Shape', ['x'], ['s']),
      node('Constant', [], ['zero'], { name: 'value_int', i: 0, type: 2 }),
      node('Gather', ['s', 'zero'], ['n']),
      node('Unsqueeze', ['n', 'axes'], ['n1']),
      node('Concat', ['n1', 'rest'], ['shape'], attr.int('axis', 0)),
      node('Reshape', ['x', 'shape'], ['y']),
    ],
    input: [info('x', ['batch', 3, 4])],
    initializer: [fromTensor(ints(0), 'axes'), fromTensor(ints(-1), 'rest')],
    output: [{ name: 'y' }],
  }

  test('shape arithmetic is gone when the axes have lengths', () => {
    const { graph, outputs } = fromModel(modelOf(reshape), { dims: { batch: 5 } })
    expect(outputs['y']?.shape).toEqual([5, 12])
    expect(graph.live(Object.values(outputs)).map(({ op }) => op)).toEqual(['Reshape'])
    expect(failure(() => fromModel(modelOf(reshape), { dims: { batch: -2 } })).code).toBe('PITH_ARG')
  })

  test('values keep their names, and outputs theirs', () => {
    const { graph, outputs } = fromModel(modelOf(reshape), { dims: { batch: 5 } })
    const model = toModel(graph, { ...outputs, again: outputs['y'] as Value, x2: graph.inputs[0] as Value })
    expect(model.graph?.output?.map(({ name }) => name)).toEqual(['y', 'again', 'x2'])
    expect(model.graph?.node?.map(({ opType }) => opType)).toEqual(['Reshape', 'Identity', 'Identity'])
  })

  test('a constant condition takes its branch, another stays', () => {
    const branch = (name: string, op: string): AttributeProto => ({
      name,
      type: 5,
      g: { node: [node(op, ['x'], ['inner'])], output: [info('inner', [2])] },
    })
    const own = node('If', ['c'], ['y'], branch('then_branch', 'Neg'), branch('else_branch', 'Abs'))
    const fixed: GraphProto = {
      node: [own],
      input: [info('x', [2])],
      initializer: [fromTensor(new Tensor(Uint8Array.of(1), [], 'bool'), 'c')],
      output: [{ name: 'y' }],
    }
    const { graph, outputs } = fromModel(modelOf(fixed))
    expect(graph.live(Object.values(outputs)).map(({ op }) => op)).toEqual(['Neg'])
  })

  test('a loop runs after import and export', async () => {
    const body: GraphProto = {
      node: [node('Add', ['sum', 'x'], ['more']), node('Identity', ['cond'], ['go'])],
      input: [info('i', [], 7), info('cond', [], 9), info('sum', [2])],
      output: [info('go', [], 9), info('more', [2])],
    }
    const graph: GraphProto = {
      node: [node('Loop', ['times', '', 'x'], ['y'], { name: 'body', type: 5, g: body })],
      input: [info('x', [2])],
      initializer: [fromTensor(new Tensor(BigInt64Array.of(3n), []), 'times')],
      output: [info('y', [2])],
    }
    expect(values((await run(modelOf(graph), { x: f32([1, 2], 2) }))['y'])).toEqual([4, 8])
  })

  test('functions are put in place of their calls, with their attributes', async () => {
    const functions = [
      {
        name: 'Scaled',
        domain: 'org.test',
        input: ['a'],
        output: ['r'],
        attribute: ['by'],
        node: [
          node('Constant', [], ['k'], { name: 'value_float', type: 1, refAttrName: 'by' }),
          node('Mul', ['a', 'k'], ['r']),
        ],
        opsetImport: [{ domain: '', version: 20 }],
      },
    ]
    const opsetImport = [
      { domain: '', version: 20 },
      { domain: 'org.test', version: 1 },
    ]
    const call = { ...node('Scaled', ['x'], ['y'], attr.float('by', 3)), domain: 'org.test' }
    const graph = { node: [call], input: [info('x', [2])], output: [{ name: 'y' }] }
    const model = modelOf(graph, 20, { functions, opsetImport })
    expect(values((await run(model, { x: f32([1, 2], 2) }))['y'])).toEqual([3, 6])
    const circle = [{ ...functions[0], node: [{ ...call, input: ['a'], output: ['r'] }] }]
    expect(failure(() => fromModel({ ...model, functions: circle })).code).toBe('PITH_LIMIT')
  })

  test('operators that are not known run where their types are declared, with attributes as they were', () => {
    const own = { ...node('Strange', ['x'], ['y'], attr.float('whole', 2), attr.int('alpha', 3)), domain: 'org.test' }
    const opsetImport = [
      { domain: '', version: 20 },
      { domain: 'org.test', version: 7 },
    ]
    const graph = { node: [own], input: [info('x', [2])], output: [info('y', [4])] }
    const model = modelOf(graph, 20, { opsetImport })
    const imported = fromModel(model)
    expect(imported.opaque).toEqual(['org.test.Strange'])
    expect(imported.outputs['y']?.shape).toEqual([4])
    const saved = toModel(imported.graph, imported.outputs, { domains: imported.domains })
    expect(saved.opsetImport).toEqual(opsetImport)
    expect(saved.graph?.node?.[0]?.attribute).toEqual([attr.int('alpha', 3), attr.float('whole', 2)])
    expect(failure(() => fromModel(model, { strict: true })).code).toBe('PITH_MODEL')
    const undeclared = modelOf({ ...graph, output: [{ name: 'y' }] }, 20, { opsetImport })
    expect(failure(() => fromModel(undeclared))).toMatchObject({ code: 'PITH_MODEL', at: { node: 'Strange(y)' } })
  })

  test('sequences and sparse tensors are refused by name', () => {
    const sequence: ValueInfoProto = { name: 'seq', type: { sequenceType: { elemType: {} } } }
    expect(failure(() => fromModel(modelOf({ input: [sequence] }))).message).toContain('a sequence')
    const sparse = { values: { name: 'sparse', dims: [0], dataType: 1 } }
    expect(failure(() => fromModel(modelOf({ sparseInitializer: [sparse] }))).message).toContain('sparse')
  })
})

describe('export', () => {
  test('initialisers must be inputs of their type and shape', () => {
    const graph = new Graph()
    const x = graph.input('x', 'f32', [2])
    const outputs = { y: graph.emit('Neg', [x])[0] as Value }
    expect(failure(() => toModel(graph, outputs, { initialisers: { z: f32([1], 1) } })).code).toBe('PITH_ARG')
    expect(failure(() => toModel(graph, outputs, { initialisers: { x: f32([1], 1) } })).code).toBe('PITH_ARG')
    expect(failure(() => toModel(new Graph(), outputs)).code).toBe('PITH_ARG')
    expect(failure(() => toModel(graph, { x: outputs.y })).code).toBe('PITH_ARG')
    expect(failure(() => toModel(graph, outputs, { opset: 12 })).code).toBe('PITH_ARG')
  })

  test('sums by ScatterND are refused for more than one thread, unless no two meet', () => {
    const scatter = (rows: readonly number[]) => {
      const graph = new Graph()
      const data = graph.input('x', 'f32', [4])
      const indices = graph.constant(new Tensor(BigInt64Array.from(rows, BigInt), [rows.length, 1]))
      const updates = graph.input('u', 'f32', [rows.length])
      const y = graph.emit('ScatterND', [data, indices, updates], { reduction: 'add' })[0] as Value
      return (threads: number) => toModel(graph, { y }, { threads })
    }
    expect(failure(() => scatter([1, 1])(2)).code).toBe('PITH_UNSUPPORTED')
    expect(failure(() => scatter([1, -3])(2)).code).toBe('PITH_UNSUPPORTED')
    expect(scatter([1, 1])(1).graph?.node?.length).toBe(1)
    expect(scatter([1, 2])(2).graph?.node?.length).toBe(1)
  })

  test("a portable model has none of onnxruntime's operators", () => {
    const graph = new Graph()
    const a = graph.input('a', 'f32', [2, 2])
    const options = { domain: 'com.microsoft' }
    const y = graph.emit('FusedMatMul', [a, a], { transA: 1 }, options)[0] as Value
    expect(failure(() => toModel(graph, { y }, { target: 'portable' })).code).toBe('PITH_UNSUPPORTED')
    expect(toModel(graph, { y }).opsetImport).toContainEqual({ domain: 'com.microsoft', version: 1 })
  })
})
