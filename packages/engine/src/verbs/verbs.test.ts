import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readNpz, writeNpz } from '../io/npz.ts'
import { writeSafetensors } from '../io/safetensors.ts'
import { Graph } from '../ir/graph.ts'
import type { ModelProto } from '../onnx/proto.ts'
import { fromTensor } from '../onnx/tensor-proto.ts'
import { writeModel, writeTensorProto } from '../onnx/write.ts'
import { Tensor } from '../tensor.ts'
import { isClose, NO_MATCH, relativeError } from './compare.ts'
import { matchParameters } from './parameter-names.ts'
import { checkReference, worstOf } from './reference.ts'
import { summarizeModel } from './summary.ts'
import { checkFolder } from './test-folder.ts'

const SAMPLE: string = join(import.meta.dirname, '../../../../examples/sample')
const NET = join(SAMPLE, 'net.onnx')

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pith-verbs-'))
})
afterAll(() => rm(folder, { recursive: true }))

const vector = (...values: number[]) => new Tensor(Float32Array.from(values))

/** The sample's references with some of them changed. */
async function changed(change: (arrays: Record<string, Tensor>) => void): Promise<string> {
  const arrays = await readNpz(new Uint8Array(await readFile(join(SAMPLE, 'net.npz'))))
  change(arrays)
  const path = join(folder, 'changed.npz')
  await writeFile(path, writeNpz(arrays))
  return path
}

/** Scale the first element of an array. */
function scaleFirst(tensor: Tensor | undefined, factor: number): void {
  const data = tensor?.data as Float32Array
  data[0] = (data[0] as number) * factor
}

test('errors are relative to the largest reference', () => {
  expect(relativeError(vector(1, 4.5), vector(1, 4))).toBe(0.125)
  expect(relativeError(vector(0.5, 0), vector(0, 0))).toBe(0.5)
  expect(relativeError(vector(0.5), vector(0), 2)).toBe(0.25)
  expect(relativeError(vector(Number.NaN, 1), vector(Number.NaN, 1))).toBe(0)
  expect(relativeError(vector(Number.NaN), vector(1))).toBe(NO_MATCH)
  expect(relativeError(vector(1, 2), vector(1))).toBe(NO_MATCH)
  expect(relativeError(new Tensor(['a'], [1]), new Tensor(['b'], [1]))).toBe(NO_MATCH)
  expect(isClose(vector(100.05), vector(100), 1e-3, 0)).toBe(true)
  expect(isClose(vector(100.2), vector(100), 1e-3, 0)).toBe(false)
  expect(isClose(vector(Number.NaN), vector(100), 1e-3, 0)).toBe(false)
})

test('parameters that the exporter renamed are found by shape and order', () => {
  const graph = new Graph()
  const params = Object.fromEntries(
    [
      ['bias', [3]],
      ['onnx::MatMul_7', [2, 3]],
      ['onnx::MatMul_9', [2, 3]],
      ['onnx::MatMul_11', [3, 5]],
    ].map(([name, shape]) => [name, graph.input(name as string, 'f32', shape as number[])]),
  )
  const found = matchParameters({ 'a.weight': [3, 2], bias: [3], 'b.weight': [3, 2], 'c.weight': [5, 3] }, params)
  expect(found.map(({ name, value, isTransposed }) => [name, value.name, isTransposed])).toEqual([
    ['a.weight', 'onnx::MatMul_7', true],
    ['bias', 'bias', false],
    ['b.weight', 'onnx::MatMul_9', true],
    ['c.weight', 'onnx::MatMul_11', true],
  ])
  const known = { 'onnx::MatMul_7': { name: 'b.weight', isTransposed: true } }
  const told = matchParameters({ 'a.weight': [3, 2], 'b.weight': [3, 2] }, params, known)
  expect(told.map(({ name, value }) => [name, value.name])).toEqual([
    ['a.weight', 'onnx::MatMul_9'],
    ['b.weight', 'onnx::MatMul_7'],
  ])
  expect(() => matchParameters({ 'd.weight': [7] }, params)).toThrow('grad.d.weight [7] belongs to no parameter')
})

test('a wrong output, loss or gradient is found', async () => {
  const options = { grad: true }
  const outputs = await checkReference(NET, await changed(({ y }) => scaleFirst(y, 1.01)), options)
  expect([outputs.ok, worstOf(outputs.outputs) > 1e-5, (outputs.loss ?? 1) < 1e-6]).toEqual([false, true, true])
  const loss = await checkReference(NET, await changed((arrays) => scaleFirst(arrays['loss'], 1.01)), options)
  expect([loss.ok, worstOf(loss.outputs) < 1e-6, loss.loss]).toEqual([false, true, expect.closeTo(0.0099, 3)])
  const wrong = await changed((arrays) => scaleFirst(arrays['grad.first.weight'], 2))
  expect((await checkReference(NET, wrong)).ok).toBe(true)
  const gradients = await checkReference(NET, wrong, options)
  expect(gradients.ok).toBe(false)
  expect(gradients.gradients?.filter(({ error }) => error > 1e-4).map(({ name }) => name)).toEqual(['first.weight'])
})

test('a target of floats is compared by its squared error', async () => {
  const path = await changed((arrays) => {
    for (const name of Object.keys(arrays)) if (name.startsWith('grad.')) delete arrays[name]
    const { data, shape } = arrays['y'] as Tensor
    arrays['t'] = new Tensor(
      (data as Float32Array).map((value) => value + 0.5),
      shape,
    )
    arrays['loss'] = vector(0.25).reshape([])
  })
  expect(await checkReference(NET, path)).toMatchObject({ ok: true, loss: expect.closeTo(0, 6) })
  await expect(checkReference(NET, path, { grad: true })).rejects.toMatchObject({ code: 'PITH_ARG' })
})

test('gradients that are nothing but rounding are measured by the largest one', async () => {
  const errorOf = async (size: number): Promise<number> => {
    const path = await changed((arrays) => {
      arrays['grad.first.bias'] = new Tensor(new Float32Array(5).fill(size))
    })
    const { gradients } = await checkReference(NET, path, { grad: true })
    return gradients?.find(({ name }) => name === 'first.bias')?.error ?? NO_MATCH
  }
  expect(await errorOf(1e-9)).toBeLessThan(2)
  expect(await errorOf(1e-4)).toBeGreaterThan(100)
})

test('classes of -100 do not count', async () => {
  const { t } = await readNpz(new Uint8Array(await readFile(join(SAMPLE, 'net.npz'))))
  const path = await changed((arrays) => {
    arrays['t'] = new Tensor(BigInt64Array.from(t?.data as BigInt64Array, (own, i) => (i === 0 ? own : -100n)))
    const [a, b] = Array.from(arrays['y']?.data as Float32Array) as [number, number]
    arrays['loss'] = vector(Math.log(1 + Math.exp(t?.data[0] === 0n ? b - a : a - b))).reshape([])
  })
  expect(await checkReference(NET, path)).toMatchObject({ ok: true, loss: expect.closeTo(0, 6) })
})

test('an empty file is called so, and so is a bare pickle', async () => {
  const path = join(folder, 'empty.gguf')
  await writeFile(path, '')
  await expect(summarizeModel(path)).rejects.toMatchObject({ code: 'PITH_TRUNCATED' })
  await writeFile(path, Uint8Array.of(0x80, 2, 0x8a, 10, 0x6c))
  await expect(summarizeModel(path)).rejects.toMatchObject({ code: 'PITH_UNSUPPORTED' })
})

test('references without an input are refused', async () => {
  const path = await changed((arrays) => {
    delete arrays['x']
  })
  await expect(checkReference(NET, path)).rejects.toThrow('no array for the input "x"')
})

const line = (name: string) => ({ name, type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 2 }] } } } })

/** A folder as ONNX's tests are, of a model of one node. */
async function testFolder(name: string, opType: string, output: Tensor): Promise<string> {
  const own = join(folder, name)
  const model: ModelProto = {
    irVersion: 8,
    opsetImport: [{ domain: '', version: 17 }],
    graph: {
      input: [line('x')],
      output: [opType === 'Mystery' ? { name: 'y' } : line('y')],
      node: [{ opType, input: ['x'], output: ['y'] }],
    },
  }
  await mkdir(join(own, 'test_data_set_0'), { recursive: true })
  await writeFile(join(own, 'model.onnx'), writeModel(model))
  await writeFile(join(own, 'test_data_set_0/input_0.pb'), writeTensorProto(fromTensor(vector(-1, 2))))
  await writeFile(join(own, 'test_data_set_0/output_0.pb'), writeTensorProto(fromTensor(output)))
  return own
}

test('a folder of tests passes, fails, or names the operator that is not known', async () => {
  const right = await testFolder('right', 'Relu', vector(0, 2))
  expect(await checkFolder(right)).toEqual([{ set: 'test_data_set_0', ok: true, outputs: [{ name: 'y', error: 0 }] }])
  const wrong = await testFolder('wrong', 'Relu', vector(0, 2.5))
  expect(await checkFolder(wrong)).toMatchObject([{ ok: false, outputs: [{ error: 0.2 }] }])
  const unknown = await testFolder('unknown', 'Mystery', vector(0, 2))
  await expect(checkFolder(unknown)).rejects.toMatchObject({
    code: 'PITH_MODEL',
    message: 'the operator Mystery is not known',
  })
})

test('an axis that the model does not name has no length', async () => {
  await expect(summarizeModel(NET, { dims: { nope: 3 } })).rejects.toMatchObject({
    code: 'PITH_ARG',
    hint: 'There are: batch.',
  })
})

test('files of tensors are summarised by their first bytes', async () => {
  const path = join(folder, 'weights')
  await writeFile(path, writeSafetensors({ w: Tensor.zeros([2, 3]), b: Tensor.zeros([3]) }))
  expect(await summarizeModel(path)).toEqual({
    format: 'safetensors',
    parameters: 9,
    bytes: 36,
    tensors: [
      { name: 'b', type: 'F32', shape: [3] },
      { name: 'w', type: 'F32', shape: [2, 3] },
    ],
  })
  const golden = join(import.meta.dirname, '../../test/golden/io')
  expect(await summarizeModel(join(golden, 'tiny.gguf'))).toMatchObject({ format: 'gguf', parameters: 134 })
  expect(await summarizeModel(join(golden, 'state.pt'))).toMatchObject({ format: 'torch', parameters: 43 })
  expect(await summarizeModel(NET)).toMatchObject({ format: 'onnx', graph: { flops: 60, assumed: ['batch'] } })
})
