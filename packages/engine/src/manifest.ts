/** What the engine adds to the `pith` command. */
import type { Manifest, VerbSpec } from '@pith/core'

const check: VerbSpec = {
  name: 'model check',
  group: 'Models',
  summary: 'compare a model with references from PyTorch',
  details: [
    'REF.npz holds x (or x0, x1 ...) the inputs, y the outputs, and where they are wanted t the target, loss, and grad.NAME the gradient of each parameter. With whole numbers as t the loss is the cross-entropy over the last axis of y, else the mean squared error.',
    'Prints the worst error of each, relative to the largest value of the reference. Outputs and loss pass up to 1e-5, gradients up to 1e-4.',
    "A folder holds model.onnx and test_data_set_N with input_K.pb and output_K.pb, as in ONNX's own tests; these pass up to 1e-3.",
  ],
  operands: [{ name: 'MODEL', summary: 'an .onnx file, or a folder', completes: 'file' }],
  options: [
    { name: 'io', value: 'REF.npz', completes: 'file', summary: 'the references' },
    { name: 'grad', summary: 'compare the gradients as well' },
  ],
  examples: [
    { line: 'pith model check net.onnx --io net.npz --grad', what: 'outputs, loss and gradients' },
    { line: 'pith model check test_relu', what: "a folder of ONNX's tests" },
  ],
  exits: [
    [0, 'all is near enough'],
    [1, 'it is not, or failed'],
    [2, 'bad usage'],
    [130, 'interrupted'],
  ],
  load: () => import('./verbs/model-check.ts'),
}

const inspect: VerbSpec = {
  name: 'model inspect',
  group: 'Models',
  summary: 'show the graph, the tensors and the cost of a model',
  details: [
    'Of an ONNX model: inputs, outputs, operators, floating-point operations and memory of one run, and the weights. Of the others: the tensors.',
  ],
  operands: [{ name: 'FILE', summary: 'an .onnx, .safetensors, .gguf or .pt file', completes: 'file' }],
  options: [{ name: 'dim', value: 'NAME=N', many: true, summary: 'length of an axis that the model only names' }],
  examples: [
    { line: 'pith model inspect net.onnx --dim batch=8', what: 'what eight rows cost' },
    { line: 'pith model inspect --json net.safetensors', what: 'names, types and shapes for programs' },
  ],
  load: () => import('./verbs/model-inspect.ts'),
}

/** The verbs of the engine. */
export const manifest: Manifest = {
  room: '@pith/engine',
  summary: 'check and inspect models',
  verbs: [check, inspect],
  checks: async () => (await import('./verbs/runtime-check.ts')).checkRuntime(),
}
