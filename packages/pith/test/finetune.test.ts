import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Tensor } from '@pith/engine'
import { readNpz, writeNpz } from '@pith/engine/io'
import { fromTensor, type ModelProto, readModel, writeModel } from '@pith/engine/onnx'
import { beforeAll, describe, expect, test } from 'vitest'
import { picture, png } from '../../engine/test/io/pictures.ts'
import { makeFolder, pith } from './host.ts'

const tmp = makeFolder()
const sample = join(import.meta.dirname, '../../../examples/sample')
const net = join(sample, 'net.onnx')
const rows = join(sample, 'net.npz')

/** Losses differ in their last digits between processors. */
const shown = (text: string) => text.replaceAll(/\d\.\d{4}\b/g, 'LOSS').replaceAll(/\|[ *o]*$/gm, '|')

const finetune = (...words: string[]) => pith(tmp, ['model', 'finetune', ...words])
const weightsOf = (path: string) =>
  Object.fromEntries(
    (readModel(new Uint8Array(readFileSync(path))).graph?.initializer ?? []).map(({ name, rawData }) => [
      name,
      Buffer.from(rawData ?? []).toString('hex'),
    ]),
  )

test('help is exact', async () => {
  const { code, out, err } = await pith(tmp, 'model finetune --help')
  expect([code, err]).toEqual([0, ''])
  await expect(out).toMatchFileSnapshot('help/model-finetune.txt')
})

test('trained weights change and have their names of PyTorch, the others stay to the byte', async () => {
  const out = join(tmp, 'one.onnx')
  const found = await finetune(net, '--data', rows, '--trainable', '^first', '--steps', '20', '--lr', '0.03', '-o', out)
  expect({ code: found.code, out: shown(found.out) }).toEqual({
    code: 0,
    out: `trained     2 of 4 tensors, 20 of 32 parameters
steps       20 of 4 of 4 rows
loss        LOSS -> LOSS, cross-entropy

LOSS |
${'       |\n'.repeat(7)}LOSS |
       +--------------------
        1                 20

one.onnx is written
`,
  })
  expect(found.err.split('\n').length).toBe(11)
  expect(shown(found.err)).toContain('step 20 of 20: loss LOSS\n')
  const [before, after] = [weightsOf(net), weightsOf(out)]
  expect(Object.keys(after)).toEqual(['first.bias', 'second.weight', 'second.bias', 'first.weight'])
  expect(after['second.weight']).toBe(before['second.weight'])
  expect(after['second.bias']).toBe(before['second.bias'])
  expect(after['first.bias']).not.toBe(before['first.bias'])
})

test('--json reports numbers, and the same call gives the same bytes', async () => {
  const call = (name: string) =>
    finetune(net, '--data', rows, '--steps', '30', '--lr', '0.05', '--json', '-q', '-o', join(tmp, name))
  const [one, two] = [await call('a.onnx'), await call('b.onnx')]
  const report = JSON.parse(one.out) as { loss: { first: number; last: number } }
  expect(report).toEqual({
    ok: true,
    out: 'TMP/a.onnx',
    steps: 30,
    end: 'steps',
    rows: 4,
    batch: 4,
    loss: { name: 'cross-entropy', first: expect.closeTo(0.69899, 4), last: expect.any(Number) },
    trained: { tensors: 4, parameters: 32 },
    frozen: { tensors: 0, parameters: 0 },
  })
  expect(report.loss.last).toBeLessThan(report.loss.first / 2)
  expect(one.err).toBe('')
  expect(two.code).toBe(0)
  expect(readFileSync(join(tmp, 'b.onnx'))).toEqual(readFileSync(join(tmp, 'a.onnx')))
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
  const options = ['--steps', '10', '-q']
  await finetune(net, '--data', rows, ...options, '-o', join(tmp, 'npz.onnx'))
  const found = await finetune(net, '--data', join(tmp, 'rows.jsonl'), ...options, '-o', join(tmp, 'json.onnx'))
  expect(found).toMatchObject({ code: 0, out: '', err: '' })
  expect(readFileSync(join(tmp, 'json.onnx'))).toEqual(readFileSync(join(tmp, 'npz.onnx')))
})

test('a training that goes on gives the bytes of one that was never interrupted', async () => {
  const call = (steps: string, out: string, ...more: string[]) =>
    finetune(net, '--data', rows, '--batch', '2', '--steps', steps, '-q', '-o', join(tmp, out), ...more)
  const folder = join(tmp, 'run')
  await call('20', 'whole.onnx', '--curve', join(tmp, 'whole.csv'))
  await call('10', 'half.onnx', '--checkpoint', folder)
  const refused = await call('20', 'rest.onnx', '--checkpoint', folder)
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('hint: Go on with it by --resume') })
  const rest = await call('20', 'rest.onnx', '--checkpoint', folder, '--resume', '--curve', join(tmp, 'rest.csv'))
  expect(rest).toMatchObject({ code: 0, err: '' })
  expect(readFileSync(join(tmp, 'rest.onnx'))).toEqual(readFileSync(join(tmp, 'whole.onnx')))
  expect(readFileSync(join(tmp, 'rest.csv'), 'utf8')).toBe(readFileSync(join(tmp, 'whole.csv'), 'utf8'))
  const other = await call('20', 'other.onnx', '--checkpoint', folder, '--resume', '--batch', '4')
  expect(other).toMatchObject({
    code: 2,
    err: 'pith: error PITH_ARG: TMP/run is of a training with batch 2, not 4\nhint: Go on with the same settings, or name another folder.\n',
  })
  writeFileSync(join(folder, 'finetune.json'), '{}')
  expect(await call('20', 'other.onnx', '--checkpoint', folder, '--resume')).toMatchObject({
    code: 1,
    err: expect.stringContaining('PITH_CORRUPT'),
  })
  expect(existsSync(join(tmp, 'other.onnx'))).toBe(false)
})

test('validation, early stop, LoRA and curves', async () => {
  const [svg, csv] = [join(tmp, 'curve.svg'), join(tmp, 'curve.csv')]
  const words = ['--validation', '0.25', '--patience', '2', '--lora', '1', '--trainable', 'weight', '--json', '-q']
  const line = ['--steps', '400', '--lr', '0.1', ...words, '-o', join(tmp, 'lora.onnx')]
  const { code, out } = await finetune(net, '--data', rows, ...line, '--curve', svg)
  expect(code).toBe(0)
  const report = JSON.parse(out) as { steps: number; validation: { step: number } }
  expect(report).toMatchObject({
    end: 'patience',
    batch: 1,
    trained: { tensors: 2, parameters: 25 },
    lora: { rank: 1, parameters: 15 },
  })
  expect(report.steps - report.validation.step).toBe(40)
  expect(readFileSync(svg, 'utf8')).toMatch(/^<svg .*<polyline .*<polyline .*<\/svg>\n$/s)
  expect(Object.keys(weightsOf(join(tmp, 'lora.onnx')))).toContain('first.weight')
  expect((await finetune(net, '--data', rows, ...line, '--curve', csv, '--force')).code).toBe(0)
  const lines = readFileSync(csv, 'utf8').split('\n')
  expect([lines[0], lines.length]).toEqual(['step,loss,validation', report.steps + 2])
  expect(lines[20]).toMatch(/^20,[\d.]+,[\d.]+$/)
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
    const { code, out: text } = await finetune(model, ...words, '--steps', '40', '--json', '-q', '-o', out)
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
    const found = await finetune(model, '--data', bad, '--image-size', '4', '-o', join(tmp, 'bad.onnx'))
    expect(found).toMatchObject({ code: 1, out: '' })
    expect(found.err).toMatch(/^pith: error PITH_(CORRUPT|TRUNCATED): TMP\/bad\/one\/broken\.png: /)
  })

  test.each([
    [['--data', folder], 'PITH_ARG: the model takes images of any size: f32[batch, 3, height, width]'],
    [['--data', join(folder, 'dark'), '--image-size', '4'], 'PITH_ARG: TMP/images/dark has no sub-folders'],
  ])('%s is refused', async (words, message) => {
    const found = await finetune(model, ...words, '-o', join(tmp, 'never.onnx'))
    expect([found.code, found.err]).toEqual([2, expect.stringContaining(message)])
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
      '-o',
      join(tmp, 'never.onnx'),
    )
    expect(found.err).toContain('the images are of 3 classes, the model tells 2 apart')
  })
})

const vector = (...values: number[]) => new Tensor(Float32Array.from(values), [values.length / 3, 3])
const classes = (...values: number[]) => new Tensor(BigInt64Array.from(values, BigInt))

describe('data that do not suit', () => {
  test.each([
    [
      'no input',
      { z: vector(1, 2, 3), t: classes(0) },
      2,
      'has nothing for the input "x" f32[batch, 3]\nhint: Save it under that name. There are: t, z.',
    ],
    [
      'no targets',
      { x: vector(1, 2, 3) },
      2,
      'has no targets\nhint: Save them as target, or name them with --target. There are: x.',
    ],
    [
      'rows of another shape',
      { x: Tensor.zeros([2, 4]), t: classes(0, 1) },
      1,
      'rows of x have the shape [4], the model takes f32[batch, 3]',
    ],
    ['another number of targets', { x: vector(1, 2, 3), t: classes(0, 1) }, 1, 'x has 1 rows, t 2'],
    [
      'whole numbers as input',
      { x: new Tensor(new Int32Array(3), [1, 3]), t: classes(0) },
      1,
      'PITH_DTYPE: x is i32[1, 3], f32 is needed',
    ],
    [
      'a class that there is not',
      { x: vector(1, 2, 3), t: classes(2) },
      2,
      'the target holds the class 2, the model has 2: 0 to 1',
    ],
    [
      'floats of another shape',
      { x: vector(1, 2, 3), t: new Tensor(new Float32Array(3), [1, 3]) },
      1,
      'the targets are f32[1, 3], the output is f32[1, 2]',
    ],
    ['no rows', { x: Tensor.zeros([0, 3]), t: classes() }, 2, 'has no rows'],
  ])('%s', async (_name, arrays, code, message) => {
    const path = join(tmp, 'odd.npz')
    writeFileSync(path, writeNpz(arrays as Record<string, Tensor>))
    const found = await finetune(net, '--data', path, '-o', join(tmp, 'never.onnx'))
    expect([found.code, found.out]).toEqual([code, ''])
    expect(found.err).toContain(message)
    expect(existsSync(join(tmp, 'never.onnx'))).toBe(false)
  })

  test.each([
    ['{"x": [1, 2, 3], "t": 0}\n{"x": [1, 2], "t": 0}', 1, 'line 2: x has the shape [2], the rows before [3]'],
    ['{"x": [1, 2, "3"], "t": 0}', 2, 'line 1: x holds "3", which is no number'],
    ['{"x": [1, [2], 3], "t": 0}', 1, 'line 1: x is nested unevenly'],
    ['{"x": [1, 2, 3], "t": 0}\n{"x": [1, 2, 3]}', 2, 'line 2 has no "t"'],
    ['{"x": [1, 2, 3], "t": 0}\n[1]', 2, 'line 2 is no object: [1]'],
    ['{"x": [1, 2, 3], "x": [1, 2, 3], "t": 0}', 1, 'PITH_CORRUPT: line 1 has the key "x" twice'],
    ['{"x": [1, 2', 1, 'PITH_CORRUPT: line 1 is not JSON'],
    ['\n\n', 2, 'there are no rows'],
    [`{"x": ${'['.repeat(50)}1${']'.repeat(50)}, "t": 0}`, 1, 'line 1: x has more than 16 axes'],
  ])('lines of JSON: %s', async (text, code, message) => {
    const path = join(tmp, 'odd.jsonl')
    writeFileSync(path, text)
    const found = await finetune(net, '--data', path, '-o', join(tmp, 'never.onnx'))
    expect([found.code, found.out]).toEqual([code, ''])
    expect(found.err).toContain(message)
  })
})

test.each([
  [[], 2, 'option --data is missing'],
  [['--data', rows], 2, 'option --out is missing'],
  [['--data', rows, '-o', join(tmp, 'none/out.onnx')], 1, 'PITH_IO: TMP/none is no folder'],
  [['--data', rows, '-o', net], 1, 'exists\nhint: Add --force'],
  [['--data', join(tmp, 'none.npz'), '-o', join(tmp, 'n.onnx')], 1, 'PITH_IO: TMP/none.npz does not exist'],
  [['--data', rows, '--trainable', '(', '-o', join(tmp, 'n.onnx')], 2, '--trainable is no regular expression: ('],
  [
    ['--data', rows, '--trainable', 'third', '-o', join(tmp, 'n.onnx')],
    2,
    'finds no weight of the model\nhint: There are: first.bias, second.weight, second.bias, first.weight.',
  ],
  [['--data', rows, '--trainable', 'bias', '--lora', '2', '-o', join(tmp, 'n.onnx')], 2, 'there is no matrix to adapt'],
  [['--data', rows, '--steps', '0', '-o', join(tmp, 'n.onnx')], 2, '--steps must be a whole number, 1 or more, got 0'],
  [
    ['--data', rows, '--validation', '1', '-o', join(tmp, 'n.onnx')],
    2,
    '--validation must be a number, above 0 and below 1, got 1',
  ],
  [['--data', rows, '--patience', '3', '-o', join(tmp, 'n.onnx')], 2, '--patience needs --validation'],
  [['--data', rows, '--resume', '-o', join(tmp, 'n.onnx')], 2, '--resume needs --checkpoint'],
  [['--data', rows, '--batch', '9', '-o', join(tmp, 'n.onnx')], 2, 'a batch of 9 rows is needed, the data have 4'],
  [['--data', rows, '--curve', 'c.png', '-o', join(tmp, 'n.onnx')], 2, '--curve must end in .svg or .csv, got c.png'],
  [['--data', rows, '--output', 'z', '-o', join(tmp, 'n.onnx')], 2, 'the model has no output "z"\nhint: There are: y.'],
  [
    ['--data', rows, '--loss', 'mse', '-o', join(tmp, 'n.onnx')],
    1,
    'PITH_SHAPE: the targets are i64[4], the output is f32[4, 2]',
  ],
  [
    ['--data', rows, '--image-size', '0', '-o', join(tmp, 'n.onnx')],
    2,
    '--image-size must be such as 224 or 320x240, got 0',
  ],
  [
    ['--data', rows, '--lr', '1e30', '--optimizer', 'sgd', '--steps', '9', '-q', '-o', join(tmp, 'n.onnx')],
    1,
    'PITH_NONFINITE at node',
  ],
])('%j is refused', async (words, code, message) => {
  const found = await finetune(net, ...words)
  expect([found.code, found.out]).toEqual([code, ''])
  expect(found.err).toContain(message)
  expect(existsSync(join(tmp, 'n.onnx'))).toBe(false)
})

test('Ctrl-C leaves a checkpoint to go on from, and no broken file', async () => {
  const folder = join(tmp, 'stopped')
  mkdirSync(folder)
  const cli = join(import.meta.dirname, '../src/cli.ts')
  const words = [
    '--data',
    rows,
    '--steps',
    '20000',
    '--checkpoint',
    join(folder, 'run'),
    '-o',
    join(folder, 'out.onnx'),
  ]
  const child = spawn(process.execPath, ['--conditions=pith-dev', cli, 'model', 'finetune', net, ...words])
  let err = ''
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  child.stderr.on('data', (part: Buffer) => (err += part.toString()))
  // Well into the training, and long before its end.
  await new Promise<void>((resolve) => {
    child.stderr.on('data', () => err.includes('step 2000 of') && resolve())
    child.on('close', () => resolve())
  })
  child.kill('SIGINT')
  expect(await ended).toBe(130)
  const step = Number(/step (\d+) is saved in .*run: go on with --resume\n$/.exec(err)?.[1])
  expect(step).toBeGreaterThan(0)
  expect(readdirSync(folder)).toEqual(['run'])
  expect(readdirSync(join(folder, 'run')).sort().at(-1)).toBe(`step-${String(step).padStart(6, '0')}`)
  const more = String(step + 5)
  const found = await finetune(net, ...words.with(3, more), '--resume', '--json', '-q')
  expect([found.code, JSON.parse(found.out)]).toMatchObject([0, { steps: step + 5 }])
}, 30_000)
