import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder, pith } from './host.ts'

const tmp = makeFolder()
const sample = join(import.meta.dirname, '../../../examples/sample')
const net = join(sample, 'net.onnx')
const rows = join(sample, 'net.npz')

/** Losses differ in their last digits between processors. */
const shown = (text: string) => text.replaceAll(/\d\.\d{4}\b/g, 'LOSS').replaceAll(/\|[ *o]*$/gm, '|')

const finetune = (...words: string[]) => pith(tmp, ['model', 'finetune', ...words])
test('help is exact', async () => {
  const { code, out, err } = await pith(tmp, 'model finetune --help')
  expect([code, err]).toEqual([0, ''])
  await expect(out).toMatchFileSnapshot('help/model-finetune.txt')
})

test('what is printed is exact, but for the losses', async () => {
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

test.each([
  ['run', '--batch', '2'],
  ['measured', '--batch', '1', '--validation', '0.25'],
])('a training that goes on gives the bytes of one that was never interrupted: %s', async (name, ...own) => {
  const call = (steps: string, out: string, ...more: string[]) =>
    finetune(net, '--data', rows, ...own, '--steps', steps, '-q', '-o', join(tmp, name + out), ...more)
  const folder = join(tmp, name)
  await call('20', 'whole.onnx', '--curve', join(tmp, `${name}whole.csv`))
  await call('10', 'half.onnx', '--checkpoint', folder)
  const rest = await call(
    '20',
    'rest.onnx',
    '--checkpoint',
    folder,
    '--resume',
    '--curve',
    join(tmp, `${name}rest.csv`),
  )
  expect(rest).toMatchObject({ code: 0, err: '' })
  for (const ending of ['.onnx', '.csv']) {
    expect(readFileSync(join(tmp, `${name}rest${ending}`))).toEqual(readFileSync(join(tmp, `${name}whole${ending}`)))
  }
  const ended = await call('20', 'ended.onnx', '--checkpoint', folder, '--resume', '--json')
  expect([ended.code, JSON.parse(ended.out)]).toMatchObject([0, { steps: 20, end: 'steps' }])
  expect(readFileSync(join(tmp, `${name}ended.onnx`))).toEqual(readFileSync(join(tmp, `${name}whole.onnx`)))
})

test('a training goes on only when that is asked for, and with the same settings', async () => {
  const call = (out: string, ...more: string[]) =>
    finetune(net, '--data', rows, '--batch', '2', '--steps', '20', '-q', '-o', join(tmp, out), ...more)
  const folder = join(tmp, 'other')
  await call('first.onnx', '--checkpoint', folder)
  const refused = await call('rest.onnx', '--checkpoint', folder)
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('hint: Go on with it by --resume') })
  const other = await call('other.onnx', '--checkpoint', folder, '--resume', '--batch', '4')
  expect(other).toMatchObject({
    code: 2,
    err: 'pith: error PITH_ARG: TMP/other is of a training with batch 2, not 4\nhint: Go on with the same settings, or name another folder.\n',
  })
  writeFileSync(join(folder, 'finetune.json'), '{}')
  expect(await call('other.onnx', '--checkpoint', folder, '--resume')).toMatchObject({
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
  expect((await finetune(net, '--data', rows, ...line, '--curve', csv, '--force')).code).toBe(0)
  const lines = readFileSync(csv, 'utf8').split('\n')
  expect([lines[0], lines.length]).toEqual(['step,loss,validation', report.steps + 2])
  expect(lines[20]).toMatch(/^20,[\d.]+,[\d.]+$/)
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
