import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runVerb, type VerbOutcome } from '../../test/command.ts'
import { picture, png } from '../../test/io/pictures.ts'
import { readNpz, writeNpz } from '../io/npz.ts'
import type { ModelProto } from '../onnx/proto.ts'
import { readModel } from '../onnx/read.ts'
import { fromTensor, toTensor } from '../onnx/tensor-proto.ts'
import { writeModel } from '../onnx/write.ts'
import { Tensor } from '../tensor.ts'

const tmp = mkdtempSync(join(tmpdir(), 'pith-finetune-'))
afterAll(() => rmSync(tmp, { recursive: true, force: true }))
const sample = join(import.meta.dirname, '../../../../examples/sample')
const net = join(sample, 'net.onnx')
const rows = join(sample, 'net.npz')

const finetune = (...words: string[]): Promise<VerbOutcome> => runVerb('model finetune', words)
/** An error as the command shows it. */
const textOf = ({ error }: VerbOutcome): string => `${error?.code}: ${error?.message}\nhint: ${error?.hint}`
const weightsOf = (path: string): Record<string, string> =>
  Object.fromEntries(
    (readModel(new Uint8Array(readFileSync(path))).graph?.initializer ?? []).map(({ name, rawData }) => [
      name,
      Buffer.from(rawData ?? []).toString('hex'),
    ]),
  )

test('trained weights change and have their names of PyTorch, the others stay to the byte', async () => {
  const out = join(tmp, 'one.onnx')
  const words = ['--trainable', '^first', '--steps', '20', '--lr', '0.03', '--out', out]
  expect(await finetune(net, '--data', rows, ...words)).toMatchObject({ code: 0, notes: { length: 10 } })
  const [before, after] = [weightsOf(net), weightsOf(out)]
  expect(Object.keys(after)).toEqual(['first.bias', 'second.weight', 'second.bias', 'first.weight'])
  expect(after['second.weight']).toBe(before['second.weight'])
  expect(after['second.bias']).toBe(before['second.bias'])
  expect(after['first.bias']).not.toBe(before['first.bias'])
})

test('lines of JSON give the same as arrays', async () => {
  const { x, t } = await readNpz(new Uint8Array(readFileSync(rows)))
  const lines = Array.from({ length: 4 }, (_, i) =>
    JSON.stringify({
      id: `row ${i}`,
      target: Number(t?.data[i]),
      x: Array.from(x?.data.slice(3 * i, 3 * i + 3) as Float32Array),
    }),
  )
  writeFileSync(join(tmp, 'rows.jsonl'), `${lines.slice(0, 2).join('\n')}\n\n${lines.slice(2).join('\r\n')}`)
  const options = ['--steps', '10', '--quiet']
  await finetune(net, '--data', rows, ...options, '--out', join(tmp, 'npz.onnx'))
  const found = await finetune(net, '--data', join(tmp, 'rows.jsonl'), ...options, '--out', join(tmp, 'json.onnx'))
  expect(found).toMatchObject({ code: 0, out: '' })
  expect(readFileSync(join(tmp, 'json.onnx'))).toEqual(readFileSync(join(tmp, 'npz.onnx')))
})

test('a model of a fixed number of rows learns from larger batches', async () => {
  const fixed = readModel(new Uint8Array(readFileSync(net)))
  for (const { type } of [...(fixed.graph?.input ?? []), ...(fixed.graph?.output ?? [])]) {
    Object.assign(type?.tensorType?.shape?.dim?.[0] ?? {}, { dimValue: 2, dimParam: undefined })
  }
  const path = join(tmp, 'fixed.onnx')
  writeFileSync(path, writeModel(fixed))
  const call = (model: string, batch: string, out: string) =>
    finetune(model, '--data', rows, '--batch', batch, '--steps', '5', '--json', '--out', join(tmp, out))
  expect(JSON.parse((await call(path, '4', 'halves.onnx')).out)).toMatchObject({ batch: 4, steps: 5 })
  expect(textOf(await call(path, '3', 'never.onnx'))).toContain('PITH_ARG: --batch 3 is no multiple of 2')
  expect((await call(net, '4', 'whole.onnx')).code).toBe(0)
  const [halves, whole] = ['halves.onnx', 'whole.onnx'].map((name) => {
    const own = readModel(new Uint8Array(readFileSync(join(tmp, name)))).graph?.initializer ?? []
    return own.flatMap((tensor) => Array.from(toTensor(tensor).data as Float32Array))
  }) as [number[], number[]]
  const worst = whole.reduce((most, value, i) => Math.max(most, Math.abs(value - (halves[i] as number))), 0)
  expect(worst).toBeLessThan(1e-5)
  const usual = await finetune(path, '--data', rows, '--steps', '1', '--json', '--out', join(tmp, 'usual.onnx'))
  expect(JSON.parse(usual.out)).toMatchObject({ batch: 4 })
  expect((await call(path, '3', 'thirds.onnx')).error?.message).toBe(
    '--batch 3 is no multiple of 2, the rows that the model takes',
  )
})

const floats = (name: string, ...shape: (number | string)[]) => ({
  name,
  type: {
    tensorType: {
      elemType: 1,
      shape: { dim: shape.map((own) => (typeof own === 'string' ? { dimParam: own } : { dimValue: own })) },
    },
  },
})

/** Means of the channels of images, times a matrix. */
const images: ModelProto = {
  irVersion: 8,
  opsetImport: [{ domain: '', version: 17 }],
  graph: {
    name: 'images',
    input: [floats('image', 'batch', 3, 'height', 'width')],
    output: [floats('logits', 'batch', 2)],
    initializer: [
      fromTensor(new Tensor(Float32Array.of(0.1, -0.2, 0.3, 0.2, 0.1, -0.1), [3, 2]), 'head.weight'),
      fromTensor(Tensor.zeros([2]), 'head.bias'),
    ],
    node: [
      { opType: 'GlobalAveragePool', input: ['image'], output: ['a'] },
      { opType: 'Flatten', input: ['a'], output: ['b'] },
      { opType: 'MatMul', input: ['b', 'head.weight'], output: ['c'] },
      { opType: 'Add', input: ['c', 'head.bias'], output: ['logits'] },
    ],
  },
}

describe('a folder of images', () => {
  const folder = join(tmp, 'images')
  const model = join(tmp, 'images.onnx')
  beforeAll(() => {
    writeFileSync(model, writeModel(images))
    for (const [i, name] of ['dark', 'light'].entries()) {
      mkdirSync(join(folder, name), { recursive: true })
      for (let k = 0; k < 3; k++) {
        const pixels = picture(6 + k, 5, 4).map((value, at) => (at % 4 === 3 ? 255 : i * 128 + (value >> 1)))
        writeFileSync(join(folder, name, `${k}.png`), png(6 + k, 5, pixels))
      }
      writeFileSync(join(folder, name, 'notes.txt'), 'no image')
    }
  })

  test('its sub-folders are the classes', async () => {
    const words = ['--data', folder, '--image-size', '4', '--mean', '.5,.5,.5', '--std', '.2,.2,.2', '--lr', '0.1']
    const out = join(tmp, 'images-out.onnx')
    const { code, out: text } = await finetune(model, ...words, '--steps', '40', '--json', '--quiet', '--out', out)
    const report = JSON.parse(text) as { loss: { first: number; last: number } }
    expect([code, report]).toMatchObject([0, { rows: 6, classes: ['dark', 'light'] }])
    expect(report.loss.last).toBeLessThan(report.loss.first / 4)
    const again = readModel(new Uint8Array(readFileSync(out)))
    expect(again.graph?.input).toEqual(images.graph?.input)
  })

  test('a damaged image is named', async () => {
    const bad = join(tmp, 'bad')
    mkdirSync(join(bad, 'one'), { recursive: true })
    writeFileSync(join(bad, 'one/broken.png'), readFileSync(join(folder, 'dark/0.png')).subarray(0, 60))
    const found = await finetune(model, '--data', bad, '--image-size', '4', '--out', join(tmp, 'bad.onnx'))
    expect(found.error?.code).toMatch(/^PITH_(CORRUPT|TRUNCATED)$/)
    expect(found.error?.message).toContain(`${bad}/one/broken.png: `)
  })

  test.each([
    [['--data', folder], 'PITH_ARG: the model takes images of any size: f32[batch, 3, height, width]'],
    [['--data', join(folder, 'dark'), '--image-size', '4'], 'images/dark has no sub-folders'],
  ])('%s is refused', async (words, message) => {
    const found = await finetune(model, ...words, '--out', join(tmp, 'never.onnx'))
    expect(textOf(found)).toContain(message)
  })

  test('more classes than the model has are refused', async () => {
    for (const name of ['a', 'b', 'c']) {
      mkdirSync(join(tmp, 'three', name), { recursive: true })
      writeFileSync(join(tmp, 'three', name, '0.png'), readFileSync(join(folder, 'dark/0.png')))
    }
    const found = await finetune(
      model,
      '--data',
      join(tmp, 'three'),
      '--image-size',
      '4',
      '--out',
      join(tmp, 'never.onnx'),
    )
    expect(textOf(found)).toContain('PITH_ARG: the images are of 3 classes, the model tells 2 apart')
  })
})

test('the outputs are no other file of the call', async () => {
  const call = (...words: string[]) => finetune(net, '--data', rows, '--force', ...words)
  expect(textOf(await call('--out', rows))).toContain('PITH_ARG: --out and --data are the same file')
  const curve = join(tmp, 'curve.svg')
  expect(textOf(await call('--out', curve, '--curve', curve))).toContain(
    'PITH_ARG: --out and --curve are the same file',
  )
})

const vector = (...values: number[]) => new Tensor(Float32Array.from(values), [values.length / 3, 3])
const classes = (...values: number[]) => new Tensor(BigInt64Array.from(values, BigInt))

test('workers share the parts of a batch', async () => {
  const call = (...words: string[]) => finetune(net, '--data', rows, '--steps', '5', '--json', ...words)
  const out = join(tmp, 'shared.onnx')
  expect(JSON.parse((await call('--workers', '2', '--out', out)).out)).toMatchObject({ batch: 4, steps: 5 })
  await call('--out', join(tmp, 'alone.onnx'))
  const [shared, alone] = [out, join(tmp, 'alone.onnx')].map((path) => {
    const own = readModel(new Uint8Array(readFileSync(path))).graph?.initializer ?? []
    return own.flatMap((tensor) => Array.from(toTensor(tensor).data as Float32Array))
  }) as [number[], number[]]
  for (const [i, value] of alone.entries()) expect(shared[i]).toBeCloseTo(value, 5)
  const odd = await call('--workers', '3', '--batch', '4', '--out', join(tmp, 'never.onnx'))
  expect(textOf(odd)).toBe(
    'PITH_ARG: --batch 4 has no part for each of 3 workers\nhint: Choose a multiple of 3, or fewer --workers.',
  )
})

describe('data that do not suit', () => {
  test.each([
    [
      'no input',
      { z: vector(1, 2, 3), t: classes(0) },
      'has nothing for the input "x" f32[batch, 3]\nhint: Save it under that name. There are: t, z.',
    ],
    [
      'no targets',
      { x: vector(1, 2, 3) },
      'has no targets\nhint: Save them as target, or name them with --target. There are: x.',
    ],
    [
      'rows of another shape',
      { x: Tensor.zeros([2, 4]), t: classes(0, 1) },
      'rows of x have the shape [4], the model takes f32[batch, 3]',
    ],
    ['another number of targets', { x: vector(1, 2, 3), t: classes(0, 1) }, 'PITH_SHAPE: x has 1 rows, t 2'],
    [
      'whole numbers as input',
      { x: new Tensor(new Int32Array(3), [1, 3]), t: classes(0) },
      'PITH_DTYPE: x is i32[1, 3], f32 is needed',
    ],
    [
      'a class that there is not',
      { x: vector(1, 2, 3), t: classes(2) },
      'the target holds the class 2, the model has 2: 0 to 1',
    ],
    [
      'floats of another shape',
      { x: vector(1, 2, 3), t: new Tensor(new Float32Array(3), [1, 3]) },
      'the targets are f32[1, 3], the output is f32[1, 2]',
    ],
    [
      'no number that is finite',
      { x: vector(Number.NaN, 0, 0), t: classes(0) },
      'PITH_NONFINITE: no update was applied',
    ],
    ['no rows', { x: Tensor.zeros([0, 3]), t: classes() }, 'has no rows'],
  ])('%s', async (_name, arrays, message) => {
    const path = join(tmp, 'odd.npz')
    writeFileSync(path, writeNpz(arrays as Record<string, Tensor>))
    const found = await finetune(net, '--data', path, '--steps', '2', '--out', join(tmp, 'never.onnx'))
    expect(textOf(found)).toContain(message)
    expect(found.out).toBe('')
    expect(existsSync(join(tmp, 'never.onnx'))).toBe(false)
  })
})
