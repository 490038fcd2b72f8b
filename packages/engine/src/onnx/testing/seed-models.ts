/** Small models that between them use every message: what tests change and read again. */
import type { Random } from '@pith/core'
import { mutations } from '@pith/core/testing'
import type { ModelProto, NodeProto, TypeProto, ValueInfoProto } from '../proto.ts'

const f32Type = (...dims: (number | string)[]): TypeProto => {
  const dim = dims.map((length) => (typeof length === 'number' ? { dimValue: length } : { dimParam: length }))
  return { tensorType: { elemType: 1, shape: dim.length === 0 ? {} : { dim } } }
}

const info = (name: string, ...dims: (number | string)[]): ValueInfoProto => ({ name, type: f32Type(...dims) })

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer)

const own = { irVersion: 9, producerName: 'test', opsetImport: [{ domain: '', version: 20 }] }

/** Six models; `readModel(writeModel(m))` equals each. */
export function seedModels(): ModelProto[] {
  return [dense(), shapes(), control(), old(), functions(), everything()]
}

function dense(): ModelProto {
  return {
    ...own,
    graph: {
      node: [
        {
          input: ['x', 'w', 'b'],
          output: ['h'],
          name: 'one',
          opType: 'Gemm',
          attribute: [
            { name: 'alpha', f: 0.5, type: 1 },
            { name: 'transB', i: 1, type: 2 },
          ],
        },
        { input: ['h'], output: ['y'], opType: 'Relu' },
      ],
      name: 'dense',
      initializer: [
        { dims: [2, 3], dataType: 1, name: 'w', rawData: floats(1, 2, 3, 4, 5, 6) },
        { dims: [2], dataType: 1, floatData: Float32Array.of(-1, 1), name: 'b' },
      ],
      input: [info('x', 'batch', 3)],
      output: [info('y', 'batch', 2)],
      valueInfo: [info('h', 'batch', 2)],
    },
  }
}

function shapes(): ModelProto {
  return {
    ...own,
    graph: {
      node: [
        { input: ['x'], output: ['s'], opType: 'Shape' },
        {
          output: ['zero'],
          opType: 'Constant',
          attribute: [{ name: 'value', t: { dataType: 7, int64Data: [0] }, type: 4 }],
        },
        { input: ['s', 'zero'], output: ['n'], opType: 'Gather', attribute: [{ name: 'axis', i: 0, type: 2 }] },
        { input: ['n', 'axes'], output: ['n1'], opType: 'Unsqueeze' },
        { input: ['n1', 'rest'], output: ['shape'], opType: 'Concat', attribute: [{ name: 'axis', i: 0, type: 2 }] },
        { input: ['x', 'shape'], output: ['y'], opType: 'Reshape' },
      ],
      name: 'shapes',
      initializer: [
        { dims: [1], dataType: 7, int64Data: [0], name: 'axes' },
        { dims: [1], dataType: 7, int64Data: [-1], name: 'rest' },
      ],
      input: [info('x', 2, 3, 4)],
      output: [info('y', 2, 12)],
    },
  }
}

function control(): ModelProto {
  const branch = (op: string): NodeProto[] => [{ input: ['x'], output: [`${op}_out`], opType: op }]
  return {
    ...own,
    graph: {
      node: [
        {
          input: ['c'],
          output: ['y'],
          opType: 'If',
          attribute: [
            { name: 'then_branch', g: { node: branch('Relu'), name: 'then', output: [info('Relu_out', 2)] }, type: 5 },
            { name: 'else_branch', g: { node: branch('Neg'), name: 'else', output: [info('Neg_out', 2)] }, type: 5 },
          ],
        },
      ],
      name: 'control',
      input: [{ name: 'c', type: { tensorType: { elemType: 9, shape: {} } } }, info('x', 2)],
      output: [info('y', 2)],
    },
  }
}

function old(): ModelProto {
  return {
    irVersion: 3,
    graph: {
      node: [
        {
          input: ['x', 'b'],
          output: ['h'],
          opType: 'Add',
          attribute: [
            { name: 'broadcast', i: 1, type: 2 },
            { name: 'axis', i: 1, type: 2 },
          ],
        },
        {
          input: ['h'],
          output: ['m'],
          opType: 'ReduceMean',
          attribute: [
            { name: 'axes', ints: [-1], type: 7 },
            { name: 'keepdims', i: 0, type: 2 },
          ],
        },
        {
          input: ['m'],
          output: ['y'],
          opType: 'Clip',
          attribute: [
            { name: 'max', f: 6, type: 1 },
            { name: 'min', f: 0, type: 1 },
          ],
        },
      ],
      name: 'old',
      initializer: [{ dims: [3], dataType: 1, floatData: Float32Array.of(1, 2, 3), name: 'b' }],
      input: [info('x', 2, 3, 4), info('b', 3)],
      output: [info('y', 2, 3)],
    },
    opsetImport: [{ domain: '', version: 6 }],
  }
}

function functions(): ModelProto {
  return {
    ...own,
    graph: {
      node: [
        {
          input: ['x'],
          output: ['y'],
          opType: 'Twice',
          attribute: [{ name: 'by', f: 3, type: 1 }],
          domain: 'org.test',
        },
      ],
      name: 'functions',
      input: [info('x', 2)],
      output: [info('y', 2)],
    },
    opsetImport: [
      { domain: '', version: 20 },
      { domain: 'org.test', version: 1 },
    ],
    functions: [
      {
        name: 'Twice',
        input: ['a'],
        output: ['r'],
        attribute: ['by'],
        node: [
          { output: ['k'], opType: 'Constant', attribute: [{ name: 'value_float', type: 1, refAttrName: 'by' }] },
          { input: ['a', 'k'], output: ['r'], opType: 'Mul' },
        ],
        opsetImport: [{ domain: '', version: 20 }],
        domain: 'org.test',
      },
    ],
  }
}

/** Each field of each message once; it is no model that runs. */
function everything(): ModelProto {
  const metadataProps = [{ key: 'k', value: 'v' }]
  const sparse = {
    values: { dims: [1], dataType: 1, name: 'sv', rawData: floats(1) },
    indices: { dims: [1], dataType: 7, int64Data: [0] },
    dims: [4],
  }
  const small = { dims: [1], dataType: 11, doubleData: Float64Array.of(2) }
  const graph = { name: 'inner' }
  return {
    irVersion: 12,
    producerName: 'p',
    producerVersion: '1',
    domain: 'd',
    modelVersion: 2n ** 60n,
    docString: 'doc é 😀',
    graph: {
      node: [
        {
          input: ['x', ''],
          output: ['y', ''],
          name: 'n',
          opType: 'Strange',
          attribute: [
            { name: 'f', f: -0.5, docString: 'a', type: 1 },
            { name: 'i', i: -(2n ** 63n), type: 2 },
            { name: 's', s: bytes('text'), type: 3 },
            { name: 't', t: small, type: 4 },
            { name: 'g', g: graph, type: 5 },
            { name: 'floats', floats: [1, 2.5], type: 6 },
            { name: 'ints', ints: [1, -1], type: 7 },
            { name: 'strings', strings: [bytes('a'), bytes('')], type: 8 },
            { name: 'tensors', tensors: [small], type: 9 },
            { name: 'graphs', graphs: [graph], type: 10 },
            { name: 'sparse', type: 11, sparseTensor: sparse },
            { name: 'sparses', type: 12, sparseTensors: [sparse] },
            { name: 'tp', tp: f32Type(1), type: 13 },
            { name: 'tps', typeProtos: [f32Type()], type: 14 },
          ],
          docString: 'd',
          domain: 'org.test',
          overload: 'o',
          metadataProps,
        },
      ],
      name: 'everything',
      initializer: [
        { dims: [2], dataType: 8, stringData: [bytes('a'), bytes('bc')], name: 'texts', docString: 'd', metadataProps },
        { dims: [2], dataType: 13, name: 'wide', uint64Data: [1, 2n ** 64n - 1n] },
        { dims: [2], dataType: 3, segment: { begin: 0, end: 2 }, int32Data: [-1, 5], name: 'ints' },
        {
          dims: [1],
          dataType: 1,
          name: 'outside',
          externalData: [
            { key: 'location', value: 'w.bin' },
            { key: 'offset', value: '0' },
            { key: 'length', value: '4' },
          ],
          dataLocation: 1,
        },
      ],
      docString: 'g',
      input: [{ name: 'x', type: { ...f32Type('n'), denotation: 'TENSOR' }, docString: 'i', metadataProps }],
      output: [{ name: 'y', type: { sequenceType: { elemType: f32Type() } } }],
      valueInfo: [
        { name: 'v1', type: { mapType: { keyType: 7, valueType: f32Type() } } },
        { name: 'v2', type: { sparseTensorType: { elemType: 1, shape: { dim: [{ dimValue: 1, denotation: 'N' }] } } } },
        { name: 'v3', type: { optionalType: { elemType: f32Type() } } },
      ],
      quantizationAnnotation: [{ tensorName: 'y', quantParameterTensorNames: [{ key: 'SCALE_TENSOR', value: 'x' }] }],
      sparseInitializer: [sparse],
      metadataProps,
    },
    opsetImport: [
      { domain: '', version: 20 },
      { domain: 'org.test', version: 3 },
    ],
    metadataProps,
    trainingInfo: [
      {
        initialization: graph,
        algorithm: graph,
        initializationBinding: [{ key: 'a', value: 'b' }],
        updateBinding: [{ key: 'c', value: 'd' }],
      },
    ],
    functions: [
      {
        name: 'F',
        input: ['a'],
        output: ['a'],
        attribute: ['k'],
        docString: 'd',
        opsetImport: [{ domain: '', version: 20 }],
        domain: 'org.test',
        attributeProto: [{ name: 'z', i: 1, type: 2 }],
        valueInfo: [info('a', 1)],
        overload: 'o',
        metadataProps,
      },
    ],
  }
}

/** Bytes that are changed as by accident or by hand: every other time their length stays. */
export function damaged(bytes: Uint8Array, round: number, random: Random): Uint8Array {
  if (round % 2 === 0) return mutations(bytes, random)
  const changed = bytes.slice()
  for (let left = 1 + random.integer(3); left > 0; left--) {
    const at = random.integer(bytes.length)
    // Not the highest bit, which would end most texts.
    changed[at] = (changed[at] as number) ^ (1 << random.integer(7))
  }
  return changed
}
