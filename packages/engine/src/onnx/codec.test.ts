import { BinaryWriter } from '@bufbuild/protobuf/wire'
import { concatBytes, equalBytes, isPithError, Random } from '@pith/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { failure } from '../../test/errors.ts'
import { fromModel } from './import.ts'
import type { GraphProto, ModelProto, NodeProto, TensorProto } from './proto.ts'
import { readModel, readTensorProto } from './read.ts'
import { toTensor } from './tensor-proto.ts'
import { damaged, seedModels } from './testing/seed-models.ts'
import { modelBytes, writeModel, writeModelChunks, writeTensorProto } from './write.ts'

/** test_single_relu_model of the ONNX suite (Apache-2.0), as protobuf's own writer made it. */
const RELU =
  'CAQSDGJhY2tlbmQtdGVzdDpKChIKAXgSAXkaBHRlc3QiBFJlbHUSClNpbmdsZVJlbHVaEwoBeBIOCgwIARIICgIIAQoCCAJiEwoBeRIOCgwIARIICgIIAQoCCAJCBAoAEAk='

const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))

const model = (graph: GraphProto, more: ModelProto = {}): Uint8Array =>
  writeModel({ irVersion: 9, opsetImport: [{ domain: '', version: 20 }], graph, ...more })

const relu = (input: string, output: string): NodeProto => ({ opType: 'Relu', input: [input], output: [output] })

const field = (write: (writer: BinaryWriter) => void): Uint8Array => {
  const writer = new BinaryWriter()
  write(writer)
  return writer.finish()
}

describe('reading and writing', () => {
  test('a file of another writer comes back byte for byte', () => {
    const bytes = fromBase64(RELU)
    const read = readModel(bytes)
    expect(read).toMatchObject({
      irVersion: 4,
      producerName: 'backend-test',
      opsetImport: [{ domain: '', version: 9 }],
    })
    expect(read.graph?.node).toEqual([{ name: 'test', opType: 'Relu', input: ['x'], output: ['y'] }])
    expect(writeModel(read)).toEqual(bytes)
  })

  test('what is written is read again, for every field', () => {
    for (const seed of seedModels()) {
      const bytes = writeModel(seed)
      expect(readModel(bytes)).toEqual(seed)
      expect(writeModel(readModel(bytes))).toEqual(bytes)
      expect(modelBytes(seed)).toBe(bytes.length)
    }
  })

  test('tensors are views of the file, and chunks are the arrays of the model', () => {
    const rawData = new Uint8Array(8192).fill(7)
    const own: ModelProto = { graph: { initializer: [{ name: 'w', dims: [8192], dataType: 2, rawData }] } }
    const bytes = writeModel(own)
    expect(readModel(bytes).graph?.initializer?.[0]?.rawData?.buffer).toBe(bytes.buffer)
    const chunks = [...writeModelChunks(own)]
    expect(chunks.some((chunk) => chunk === rawData)).toBe(true)
    expect(concatBytes(chunks)).toEqual(bytes)
  })

  test('a Buffer is read like its bytes', () => {
    const bytes = model({ initializer: [{ name: 'w', dims: [2], dataType: 1, rawData: new Uint8Array(8) }] })
    const raw = readModel(Buffer.concat([Buffer.from([1, 2, 3]), bytes]).subarray(3)).graph?.initializer?.[0]?.rawData
    expect(Buffer.isBuffer(raw)).toBe(false)
    expect(raw).toEqual(new Uint8Array(8))
  })

  test('fields that are not known are kept, in messages at any depth', () => {
    const later = field((writer) =>
      writer.tag(77, 2).string('later').tag(78, 0).int64(-5).tag(79, 1).double(1.5).tag(80, 5).float(2),
    )
    const node = concatBytes([field((writer) => writer.tag(4, 2).string('Relu')), later])
    const graph = concatBytes([field((writer) => writer.tag(1, 2).bytes(node)), later])
    const bytes = concatBytes([field((writer) => writer.tag(7, 2).bytes(graph)), later])
    const read = readModel(bytes)
    expect(read.graph?.node?.[0]?.unknown?.length).toBe(4)
    expect(writeModel(read)).toEqual(bytes)
  })

  test('a known field in another wire type is kept as unknown', () => {
    const bytes = concatBytes([field((writer) => writer.tag(7, 2).bytes(new Uint8Array(0)).tag(1, 2).string('nine'))])
    const read = readModel(bytes)
    expect(read.irVersion).toBeUndefined()
    expect(writeModel(read)).toEqual(bytes)
  })

  test('repeated numbers are read packed, unpacked and mixed', () => {
    const run = (numbers: readonly number[]) =>
      field((writer) => {
        for (const number of numbers) writer.int64(number)
      })
    const mixed = field((writer) =>
      writer
        .tag(1, 0)
        .int64(2)
        .tag(1, 2)
        .bytes(run([3, -1]))
        .tag(4, 5)
        .float(1)
        .tag(4, 2)
        .bytes(new Uint8Array(4))
        .tag(4, 5)
        .float(3),
    )
    expect(readTensorProto(mixed)).toEqual({ dims: [2, 3, -1], floatData: [1, 0, 3] })
    const packed = field((writer) =>
      writer
        .tag(4, 2)
        .bytes(new Uint8Array(8))
        .tag(7, 2)
        .bytes(run([1, 300])),
    )
    expect(readTensorProto(packed)).toEqual({ floatData: new Float32Array(2), int64Data: [1, 300] })
  })

  test('a message that comes twice is merged', () => {
    const name = (text: string) => field((writer) => writer.tag(2, 2).string(text))
    const input = field((writer) => writer.tag(11, 2).bytes(field((own) => own.tag(1, 2).string('x'))))
    const bytes = field((writer) => writer.tag(7, 2).bytes(name('a')).tag(7, 2).bytes(input).tag(7, 2).bytes(name('b')))
    expect(readModel(bytes).graph).toEqual({ name: 'b', input: [{ name: 'x' }] })
  })

  test('64-bit integers keep their value', () => {
    const edges = [
      0,
      1,
      -1,
      127,
      128,
      2 ** 21,
      -(2 ** 31),
      2 ** 53 - 1,
      -(2 ** 53 - 1),
      2n ** 53n,
      2n ** 63n - 1n,
      -(2n ** 63n),
    ]
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...edges), fc.maxSafeInteger())), (int64Data) => {
        const read = readTensorProto(writeTensorProto({ int64Data })).int64Data
        expect(read ?? []).toEqual(int64Data)
      }),
      { numRuns: 200 },
    )
    expect(readTensorProto(writeTensorProto({ uint64Data: [2n ** 64n - 1n] })).uint64Data).toEqual([2n ** 64n - 1n])
    expect(readTensorProto(writeTensorProto({ int32Data: [-5, 2 ** 31 - 1] })).int32Data).toEqual([-5, 2 ** 31 - 1])
  })

  test('any text is written as UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (docString) => {
        expect(readTensorProto(writeTensorProto({ docString })).docString).toBe(docString)
      }),
      { numRuns: 200 },
    )
    expect(readTensorProto(writeTensorProto({ docString: '\ud800x' })).docString).toBe('\ufffdx')
  })
})

describe('hostile files', () => {
  const good = model({ input: [{ name: 'x' }], node: [relu('x', 'y')], output: [{ name: 'y' }] })

  test('a file that is cut anywhere is a model or a typed error', () => {
    let models = 0
    for (let end = 0; end < good.length; end++) {
      try {
        readModel(good.subarray(0, end))
        models++
      } catch (error) {
        expect(['PITH_TRUNCATED', 'PITH_MODEL']).toContain(isPithError(error) ? error.code : error)
      }
    }
    // Only between the fields of the outermost message.
    expect(models).toBeLessThanOrEqual(2)
    expect(failure(() => readModel(good.subarray(0, good.length - 1)))).toMatchObject({ code: 'PITH_TRUNCATED' })
  })

  test('lengths beyond the file or the message are refused before anything is allocated', () => {
    const huge = Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)
    expect(failure(() => readModel(huge)).code).toBe('PITH_TRUNCATED')
    // A graph of 2 bytes whose name claims 4, within a file that has them.
    const over = Uint8Array.of(0x3a, 2, 0x12, 4, 0x61, 0x61, 0x61, 0x61)
    expect(failure(() => readModel(over)).code).toBe('PITH_CORRUPT')
    expect(failure(() => readModel(Uint8Array.of(0x3a, 0x80))).code).toBe('PITH_TRUNCATED')
    expect(failure(() => readModel(new Uint8Array(40).fill(0xff))).code).toBe('PITH_CORRUPT')
    expect(failure(() => readModel(Uint8Array.of(0x0b, 0x0c))).code).toBe('PITH_CORRUPT')
    expect(failure(() => readModel(new Uint8Array(0))).code).toBe('PITH_MODEL')
  })

  test('a text that is not UTF-8 is refused with its place', () => {
    const error = failure(() => readModel(Uint8Array.of(0x12, 1, 0xff, 0x3a, 0)))
    expect(error).toMatchObject({ code: 'PITH_CORRUPT', at: { offset: 2, section: 'Model.producerName' } })
  })

  test('limits have names', () => {
    const nested = (depth: number): GraphProto =>
      depth === 0
        ? {}
        : { node: [{ opType: 'If', attribute: [{ name: 'then_branch', type: 5, g: nested(depth - 1) }] }] }
    expect(failure(() => readModel(model(nested(17))))).toMatchObject({
      code: 'PITH_LIMIT',
      hint: expect.stringContaining('graphDepth'),
    })
    expect(readModel(model(nested(16))).graph?.node?.length).toBe(1)
    expect(failure(() => readModel(model(nested(8)), { limits: { depth: 20 } })).hint).toContain('depth')
    const wide = model({ input: [{ name: 'x' }], node: [relu('x', 'y'), relu('y', 'z')] })
    expect(failure(() => readModel(wide, { limits: { nodes: 1 } })).code).toBe('PITH_LIMIT')
    expect(failure(() => readModel(wide, { limits: { messages: 3 } })).code).toBe('PITH_LIMIT')
    expect(failure(() => readModel(wide, { limits: { values: 3 } })).code).toBe('PITH_LIMIT')
    expect(failure(() => readModel(wide, { limits: { node: 1 } as never })).code).toBe('PITH_ARG')
    const type = (depth: number): Uint8Array =>
      depth === 0
        ? new Uint8Array(0)
        : field((writer) => writer.tag(4, 2).bytes(field((own) => own.tag(1, 2).bytes(type(depth - 1)))))
    const deep = field((writer) => writer.tag(14, 2).bytes(type(40)))
    const within = field((writer) =>
      writer.tag(7, 2).bytes(field((graph) => graph.tag(1, 2).bytes(field((node) => node.tag(5, 2).bytes(deep))))),
    )
    expect(failure(() => readModel(within)).code).toBe('PITH_LIMIT')
  })

  test.each<[string, TensorProto]>([
    ['a negative axis', { dims: [-1], dataType: 1, rawData: new Uint8Array(4) }],
    ['too few bytes', { dims: [3], dataType: 1, rawData: new Uint8Array(8) }],
    ['too many bytes', { dims: [], dataType: 1, rawData: new Uint8Array(8) }],
    ['more elements than can be counted', { dims: [2 ** 40, 2 ** 40, 0], dataType: 1 }],
    ['a product beyond 2^53', { dims: [2 ** 50, 16], dataType: 1 }],
    ['too few floats', { dims: [3], dataType: 1, floatData: [1] }],
    ['too many texts', { dims: [0], dataType: 8, stringData: [new Uint8Array(1)] }],
    ['an odd number of nibbles', { dims: [3], dataType: 22, rawData: new Uint8Array(1) }],
    ['an element type that is not known', { dims: [1], dataType: 99, rawData: new Uint8Array(1) }],
    ['no file', { dims: [1], dataType: 1, dataLocation: 1 }],
  ])('a tensor with %s is refused', (_, tensor) => {
    expect(failure(() => readModel(model({ initializer: [{ name: 'w', ...tensor }] }))).code).toBe('PITH_CORRUPT')
    expect(failure(() => toTensor(tensor)).code).toBe('PITH_CORRUPT')
  })

  test.each<[string, GraphProto]>([
    ['an input that is there twice', { input: [{ name: 'x' }, { name: 'x' }] }],
    ['an initialiser that is there twice', { initializer: [1, 2].map(() => ({ name: 'w', dims: [0], dataType: 1 })) }],
    ['a value that is made twice', { input: [{ name: 'x' }], node: [relu('x', 'y'), relu('x', 'y')] }],
    ['an input that is made again', { input: [{ name: 'x' }], node: [relu('x', 'x')] }],
    ['a node that nothing feeds', { node: [relu('x', 'y')] }],
    ['an output that nothing makes', { output: [{ name: 'y' }] }],
    ['a circle', { node: [relu('a', 'b'), relu('b', 'c'), relu('c', 'a')] }],
    ['a node that feeds itself', { node: [relu('a', 'a')] }],
    ['an undeclared domain', { input: [{ name: 'x' }], node: [{ ...relu('x', 'y'), domain: 'org.other' }] }],
  ])('%s makes no graph', (_, graph) => {
    const bytes = model(graph)
    expect(failure(() => readModel(bytes)).code).toBe('PITH_MODEL')
    expect(readModel(bytes, { check: false }).graph).toEqual(graph)
  })

  test('nodes out of order are no circle', () => {
    const read = readModel(
      model({ input: [{ name: 'x' }], node: [relu('y', 'z'), relu('x', 'y')], output: [{ name: 'z' }] }),
    )
    expect(read.graph?.node?.length).toBe(2)
  })

  test('graphs within nodes see the values around them, and no others', () => {
    const body = (name: string): GraphProto => ({ node: [relu(name, 'inner')], output: [{ name: 'inner' }] })
    const graph = (name: string): GraphProto => ({
      input: [{ name: 'c' }, { name: 'x' }],
      node: [
        {
          opType: 'If',
          input: ['c'],
          output: ['y'],
          attribute: [
            { name: 'then_branch', type: 5, g: body(name) },
            { name: 'else_branch', type: 5, g: body('x') },
          ],
        },
      ],
    })
    expect(readModel(model(graph('x'))).graph?.node?.length).toBe(1)
    expect(failure(() => readModel(model(graph('none')))).code).toBe('PITH_MODEL')
  })

  test('mutated files are models or typed errors', () => {
    const random = new Random(20)
    const seeds = seedModels().map(writeModel)
    let read = 0
    for (let round = 0; round < 400; round++) {
      const bytes = damaged(seeds[(round >> 1) % seeds.length] as Uint8Array, round, random)
      try {
        const changed = readModel(bytes, { check: false })
        read++
        const written = writeModel(changed)
        expect(equalBytes(writeModel(readModel(written, { check: false })), written)).toBe(true)
        fromModel(readModel(bytes))
      } catch (error) {
        if (!isPithError(error)) throw error
        expect(error.code).not.toBe('PITH_INTERNAL')
      }
    }
    expect(read).toBeGreaterThan(50)
  })
})
