import { describe, expect, it } from 'vitest'
import { compile } from '../../runtime/compile.ts'
import { Tensor } from '../../tensor.ts'
import { Graph, type Value } from '../graph.ts'
import { bind, lift } from './bind.ts'
import { dce } from './dce.ts'
import { extract } from './extract.ts'
import { emitFolded, fold } from './fold.ts'
import { type Evaluate, foldByRun } from './fold-by-run.ts'
import { simplify } from './simplify.ts'

const one = (values: readonly Value[]): Value => values[0] as Value
const opsOf = ({ graph, outputs }: { graph: Graph; outputs: readonly Value[] }): string[] =>
  graph.live(outputs).map((node) => node.op)

/** A program of one input x f32[2, 3, 4]. */
function program(make: (graph: Graph, x: Value) => Value): { graph: Graph; outputs: Value[] } {
  const graph = new Graph()
  return { graph, outputs: [make(graph, graph.input('x', 'f32', [2, 3, 4]))] }
}

describe('fold', () => {
  it('computes the shape arithmetic of exported models while it is emitted', () => {
    const graph = new Graph()
    const x = graph.input('x', 'f32', [2, 3, 4])
    const shape = one(emitFolded(graph, 'Shape', [x]))
    const rows = one(emitFolded(graph, 'Gather', [shape, graph.scalar(0, 'i64')]))
    const row = one(emitFolded(graph, 'Unsqueeze', [rows, graph.ints([0])]))
    const to = one(emitFolded(graph, 'Concat', [row, graph.ints([-1])], { axis: 0 }))
    expect(to.data?.data).toEqual(BigInt64Array.of(2n, -1n))
    expect(one(graph.emit('Reshape', [x, to])).shape).toEqual([2, 12])
  })

  it('leaves no node of constants in a program', () => {
    const made = fold(program((graph, x) => one(graph.emit('Mul', [x, one(graph.emit('Sqrt', [graph.scalar(2)]))]))))
    expect(opsOf(made)).toEqual(['Mul'])
    expect(made.graph.nodes[0]?.inputs[1]?.data?.data[0]).toBe(Math.fround(Math.SQRT2))
  })
})

describe('foldByRun', () => {
  const evaluate: Evaluate = async (outputs) => {
    const session = await compile(outputs)
    const results = await session.run({})
    await session.dispose()
    return results
  }
  const square = new Tensor(Float32Array.of(1, 2, 3, 4), [2, 2])

  it('computes products of constants, and leaves the rest', async () => {
    const graph = new Graph()
    const x = graph.input('x', 'f32', [2, 2])
    const w = one(graph.emit('Softmax', graph.emit('MatMul', [graph.constant(square), graph.constant(square)])))
    const made = await foldByRun({ graph, outputs: [one(graph.emit('MatMul', [x, w]))] }, evaluate)
    expect(opsOf(made)).toEqual(['MatMul'])
    const rows = Array.from(made.graph.nodes[0]?.inputs[1]?.data?.data as Float32Array)
    expect(rows.map((value) => Math.round(value * 1e4))).toEqual([474, 9526, 9, 9991])
  })

  it('leaves random numbers, packed weights and what is too large', async () => {
    const graph = new Graph()
    const packed = graph.constant(new Tensor(Uint8Array.of(1, 2), [2]))
    const outputs = [
      ...graph.emit('RandomNormal', [], { shape: [2] }),
      ...graph.emit('DequantizeLinear', [packed, graph.scalar(0.5)]),
      ...graph.emit('MatMul', [graph.constant(square), graph.constant(square)]),
    ]
    const never: Evaluate = () => Promise.reject(new Error('nothing is to be run'))
    expect(opsOf(await foldByRun({ graph, outputs }, never, { limit: 15 }))).toHaveLength(3)
  })
})

describe('simplify', () => {
  const cases: [string, (graph: Graph, x: Value) => Value, string[]][] = [
    ['x + 0', (g, x) => one(g.emit('Add', [x, g.scalar(0)])), []],
    ['1 * x', (g, x) => one(g.emit('Mul', [g.scalar(1), x])), []],
    ['x / 1', (g, x) => one(g.emit('Div', [x, g.scalar(1)])), []],
    ['1 / x stays', (g, x) => one(g.emit('Div', [g.scalar(1), x])), ['Div']],
    ['x + 0 that broadcasts stays', (g, x) => one(g.emit('Add', [x, g.constant(Tensor.zeros([2, 2, 3, 4]))])), ['Add']],
    ['-(-x)', (g, x) => one(g.emit('Neg', g.emit('Neg', [x]))), []],
    [
      'Reshape of Reshape',
      (g, x) => one(g.emit('Reshape', [one(g.emit('Reshape', [x, g.ints([6, 4])])), g.ints([12, 2])])),
      ['Reshape'],
    ],
    ['Reshape there and back', (g, x) => one(g.emit('Reshape', [one(g.emit('Flatten', [x])), g.ints([2, 3, 4])])), []],
    [
      'Transpose there and back',
      (g, x) => one(g.emit('Transpose', g.emit('Transpose', [x], { perm: [1, 2, 0] }), { perm: [2, 0, 1] })),
      [],
    ],
    [
      'two Transposes',
      (g, x) => one(g.emit('Transpose', g.emit('Transpose', [x], { perm: [1, 2, 0] }), { perm: [1, 2, 0] })),
      ['Transpose'],
    ],
    ['factors', (g, x) => one(g.emit('Mul', [g.scalar(3), one(g.emit('Mul', [x, g.scalar(2)]))])), ['Mul']],
    [
      'Expand before Add',
      (g, x) => one(g.emit('Add', [x, one(g.emit('Expand', [g.input('b', 'f32', [4]), g.ints([2, 3, 4])]))])),
      ['Add'],
    ],
    ['Cast to the same type', (g, x) => one(g.emit('Cast', [x], { to: 1 })), []],
    ['Cast to another type stays', (g, x) => one(g.emit('Cast', [x], { to: 11 })), ['Cast']],
    ['Slice of everything', (g, x) => one(g.emit('Slice', [x, g.ints([0]), g.ints([99]), g.ints([1])])), []],
    ['Dropout outside training', (g, x) => one(g.emit('Dropout', [x])), []],
  ]
  it.each(cases)('%s', (_, make, ops) => {
    const before = program(make)
    const after = simplify(before)
    expect(opsOf(after)).toEqual(ops)
    expect(after.outputs[0]?.shape).toEqual(before.outputs[0]?.shape)
    expect(after.graph.inputs.map((value) => value.name)).toEqual(before.graph.inputs.map((value) => value.name))
  })

  it('multiplies factors', () => {
    const made = simplify(program((g, x) => one(g.emit('Mul', [g.scalar(3), one(g.emit('Mul', [x, g.scalar(2)]))]))))
    expect(made.outputs[0]?.node?.inputs[1]?.data?.data[0]).toBe(6)
  })
})

describe('passes go into the bodies of nodes', () => {
  it('and keep what those take from around them', async () => {
    const graph = new Graph()
    const [h, rows] = [graph.input('h', 'f32', [2]), graph.input('rows', 'f32', [3, 2])]
    const outer = one(graph.emit('Neg', graph.emit('Neg', [graph.input('w', 'f32', [2])])))
    const body = new Graph(graph)
    const [state, row] = [body.input('state', 'f32', [2]), body.input('row', 'f32', [2])]
    const scaled = one(body.emit('Mul', [one(body.emit('Mul', [row, outer])), body.scalar(1)]))
    const next = one(body.emit('Add', [state, one(body.emit('Sqrt', [graph.scalar(4)]))]))
    const step = {
      graph: body,
      outputs: [next, one(body.emit('Identity', [scaled])), one(body.emit('Identity', [outer]))],
    }
    const outputs = graph.emit('Scan', [h, rows], { num_scan_inputs: 1 }, { bodies: { body: step } })
    const made = simplify({ graph, outputs })
    const scan = made.graph.nodes.find((node) => node.op === 'Scan')
    expect(made.graph.nodes).toHaveLength(1)
    expect(scan?.bodies?.['body']?.graph.nodes.map((node) => node.op).sort()).toEqual(['Add', 'Mul'])
    const feeds = {
      h: Tensor.zeros([2]),
      rows: new Tensor(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2]),
      w: new Tensor(Float32Array.of(10, 1)),
    }
    const results = []
    for (const own of [outputs, made.outputs]) {
      const session = await compile({ a: own[0] as Value, b: own[1] as Value, c: own[2] as Value })
      results.push(await session.run(feeds))
      await session.dispose()
    }
    expect(results[1]).toEqual(results[0])
    expect(results[0]?.['a']?.data).toEqual(Float32Array.of(6, 6))
  })
})

describe('dce', () => {
  it('leaves out what no output needs, and keeps the inputs and their order', () => {
    const graph = new Graph()
    const [x, y] = [graph.input('x', 'f32', [2]), graph.input('y', 'f32', [2])]
    graph.emit('Exp', [y])
    const made = dce({ graph, outputs: [one(graph.emit('Neg', [x]))] })
    expect(made.graph.nodes.map((node) => node.op)).toEqual(['Neg'])
    expect(made.graph.inputs.map((value) => value.name)).toEqual(['x', 'y'])
  })

  it('keeps nodes that are to be computed again', () => {
    const graph = new Graph()
    const x = graph.input('x', 'f32', [2])
    const twice = [graph.emit('Exp', [x], {}, { unique: true }), graph.emit('Exp', [x], {}, { unique: true })].map(one)
    expect(dce({ graph, outputs: [one(graph.emit('Add', twice))] }).graph.nodes).toHaveLength(3)
  })
})

describe('bind and lift', () => {
  it('turn inputs into constants and back', () => {
    const graph = new Graph()
    const x = graph.input('x', 'f32', [2])
    const w = graph.input('w', 'f32', [2])
    const weights = new Tensor(Float32Array.of(1, 2))
    const bound = bind({ graph, outputs: [one(graph.emit('Mul', [x, w]))] }, { w: weights })
    expect(bound.graph.inputs.map((value) => value.name)).toEqual(['x'])
    expect(bound.outputs[0]?.node?.inputs[1]).toMatchObject({ data: weights, name: 'w' })
    const free = lift(bound)
    expect(free.params).toEqual({ w: weights })
    expect(free.graph.inputs.map((value) => value.name).sort()).toEqual(['w', 'x'])
  })

  it('refuse unknown names and other shapes', () => {
    const made = program((g, x) => one(g.emit('Neg', [x])))
    expect(() => bind(made, { y: Tensor.zeros([1]) })).toThrow(/no input "y"/)
    expect(() => bind(made, { x: Tensor.zeros([1]) })).toThrow(/x: f32\[1\] is given for the input f32\[2, 3, 4\]/)
  })
})

describe('extract', () => {
  it('takes the part between two values', () => {
    const graph = new Graph()
    const h = one(graph.emit('Exp', [graph.input('x', 'f32', [2])]))
    h.name = 'h'
    const y = one(graph.emit('Neg', graph.emit('Sqrt', [h])))
    y.name = 'y'
    const part = extract({ graph, outputs: [one(graph.emit('Tanh', [y]))] }, ['h'], ['y'])
    expect(opsOf(part)).toEqual(['Sqrt', 'Neg'])
    expect(part.graph.inputs.map((value) => value.name)).toEqual(['h'])
    expect(part.outputs[0]?.name).toBe('y')
  })

  it('names a value that is not there', () => {
    expect(() =>
      extract(
        program((g, x) => one(g.emit('Neg', [x]))),
        ['x'],
        ['z'],
      ),
    ).toThrow(/"z"/)
  })
})
