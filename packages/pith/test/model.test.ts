import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder, pith } from './host.ts'

const tmp = makeFolder()
const sample = join(import.meta.dirname, '../../../examples/sample')
const net = join(sample, 'net.onnx')
const references = join(sample, 'net.npz')

/** Rounding differs between processors. */
const shown = (text: string) => text.replaceAll(/\d\.\de[-+]\d+/g, 'ERROR')

test('help of model check is exact', async () => {
  expect(await pith(tmp, 'model check --help')).toMatchObject({
    code: 0,
    err: '',
    out: `Usage: pith model check [OPTIONS] MODEL

Compare a model with references from PyTorch.

REF.npz holds x (or x0, x1 ...) the inputs, y the outputs, and where they are
wanted t the target, loss, and grad.NAME the gradient of each parameter. With
whole numbers as t the loss is the cross-entropy over the last axis of y, else
the mean squared error.

Prints the worst error of each, relative to the largest value of the reference.
Outputs and loss pass up to 1e-5, gradients up to 1e-4.

A folder holds model.onnx and test_data_set_N with input_K.pb and output_K.pb,
as in ONNX's own tests; these pass up to 1e-3.

Operands:
  MODEL             an .onnx file, or a folder

Options:
      --io REF.npz  the references
      --grad        compare the gradients as well
      --json        print one machine-readable report on stdout
  -q, --quiet       say nothing but errors
      --debug       print the stack of an error
  -h, --help        print help for this verb

Examples:
  pith model check net.onnx --io net.npz --grad
      outputs, loss and gradients
  pith model check test_relu
      a folder of ONNX's tests

Exit codes: 0 all is near enough, 1 it is not, or failed, 2 bad usage, 130
interrupted.
`,
  })
})

test('help of model inspect is exact', async () => {
  expect(await pith(tmp, 'model inspect --help')).toMatchObject({
    code: 0,
    err: '',
    out: `Usage: pith model inspect [OPTIONS] FILE

Show the graph, the tensors and the cost of a model.

Of an ONNX model: inputs, outputs, operators, floating-point operations and
memory of one run, and the weights. Of the others: the tensors.

Operands:
  FILE              an .onnx, .safetensors, .gguf or .pt file

Options:
      --dim NAME=N  length of an axis that the model only names
      --json        print one machine-readable report on stdout
  -q, --quiet       say nothing but errors
      --debug       print the stack of an error
  -h, --help        print help for this verb

Examples:
  pith model inspect net.onnx --dim batch=8
      what eight rows cost
  pith model inspect --json net.safetensors
      names, types and shapes for programs

Exit codes: 0 done, 1 failed, 2 bad usage, 130 interrupted.
`,
  })
})

test('model check compares outputs, loss and gradients, transposed weights under their names of PyTorch', async () => {
  const { code, out, err } = await pith(tmp, ['model', 'check', net, '--io', references, '--grad'])
  expect({ code, out: shown(out), err }).toEqual({
    code: 0,
    out: `ok    output  ERROR  y
ok    loss    ERROR
ok    grad    ERROR  first.bias
ok    grad    ERROR  first.weight
ok    grad    ERROR  second.bias
ok    grad    ERROR  second.weight
ok: worst relative error of outputs ERROR, loss ERROR, gradients ERROR
`,
    err: '',
  })
})

test('model check reports numbers', async () => {
  const { code, out } = await pith(tmp, ['model', 'check', net, '--io', references, '--grad', '--json'])
  const { ok, ...errors } = JSON.parse(out) as Record<string, unknown>
  expect([code, ok, Object.keys(errors)]).toEqual([0, true, ['forward', 'loss', 'grad']])
  for (const error of Object.values(errors)) expect(error).toBeLessThan(1e-6)
})

test('model inspect shows graph, cost and weights', async () => {
  expect(await pith(tmp, ['model', 'inspect', net, '--dim', 'batch=4'])).toMatchObject({
    code: 0,
    err: '',
    out: `format      onnx, pytorch
parameters  32 in 4 tensors, 128 B
operations  240 a run
memory      336 B a run
input       x  f32[4, 3]
output      y  f32[4, 2]
operators   1 Add, 1 Gemm, 1 MatMul, 1 Relu
tensor      first.bias  f32[5]
tensor      second.weight  f32[2, 5]
tensor      second.bias  f32[2]
tensor      onnx::MatMul_9  f32[3, 5]  first.weight, transposed
`,
  })
})

test.each([
  [
    'model',
    2,
    'pith: error PITH_ARG: pith model needs one of its verbs\nhint: There are: model check, model inspect, model finetune.',
  ],
  ['model check TMP/none.onnx', 2, 'pith: error PITH_ARG: option --io is missing'],
  ['model check TMP --grad', 2, 'pith: error PITH_ARG: a folder brings its own references'],
  ['model check TMP', 2, 'pith: error PITH_ARG: TMP has no folder test_data_set_0'],
  ['model inspect TMP/none.onnx', 1, 'pith: error PITH_IO: TMP/none.onnx does not exist\nhint: Check the path.\n'],
  ['model inspect TMP/none.onnx --dim 8', 2, 'pith: error PITH_ARG: --dim must be such as batch=8, got 8\n'],
])('%s says what is wrong', async (line, code, message) => {
  const found = await pith(tmp, line)
  expect([found.code, found.out]).toEqual([code, ''])
  expect(found.err).toContain(message)
})

test('doctor says which runtime loads', async () => {
  const { out } = await pith(tmp, 'doctor')
  expect(out).toMatch(/^ok {4}engine {6}onnxruntime, native$/m)
})
