/** What the engine adds to the `pith` command. */
import type { Manifest, VerbSpec } from '@pith/core'

// Written out here, as the manifest loads nothing.
const LOSSES = ['cross-entropy', 'mse', 'mae', 'huber', 'bce']
const OPTIMIZERS = ['adamw', 'sgd', 'lion', 'muon']
const SCHEDULES = ['constant', 'cosine', 'linear']

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

const finetune: VerbSpec = {
  name: 'model finetune',
  group: 'Models',
  summary: 'train weights of a model on data',
  details: [
    'DATA is an .npz file of arrays, or a file with a JSON object in each line: rows under the names of the inputs (or x, or x0, x1 ...), and target. Or it is a folder of PNG, JPEG, WebP or GIF images, a sub-folder for each class: scaled to cover the size of the input, cut, values 0 to 1, less --mean, over --std.',
    'REGEX finds weights by their names in PyTorch or in the file; all others stay as they are, to the byte, as do the statistics of batch normalisation. With --lora it finds the matrices that get a change of that rank, which is merged into them at the end.',
    'With whole numbers as targets, one less axis than the output, the loss is the cross-entropy over its classes; else it is the mean squared error. With --validation some rows, in whole batches, are not learnt from, and the weights that are best on them are kept.',
    'OUT is written at the end, with the names of PyTorch. Ctrl-C leaves a checkpoint where --checkpoint names a folder; --resume goes on from it as if nothing had happened.',
  ],
  operands: [{ name: 'MODEL', summary: 'an .onnx file', completes: 'file' }],
  options: [
    { name: 'data', value: 'DATA', completes: 'file', summary: 'what to learn from' },
    { name: 'out', short: 'o', value: 'OUT.onnx', completes: 'file', summary: 'where the tuned model goes' },
    { name: 'trainable', value: 'REGEX', summary: 'which weights are trained; default all' },
    { name: 'steps', value: 'N', summary: 'updates; default 200' },
    { name: 'batch', value: 'N', summary: 'rows of an update; default 32, or what there is' },
    { name: 'lr', value: 'RATE', summary: 'rate of learning; default that of the optimizer' },
    { name: 'optimizer', value: 'NAME', choices: OPTIMIZERS, summary: 'adamw (default), sgd, lion or muon' },
    {
      name: 'schedule',
      value: 'NAME',
      choices: SCHEDULES,
      summary: 'course of the rate: constant (default), cosine, linear',
    },
    { name: 'clip', value: 'NORM', summary: 'largest norm of the gradients; default none' },
    {
      name: 'loss',
      value: 'NAME',
      choices: LOSSES,
      summary: 'cross-entropy, mse, mae, huber or bce; default by the targets',
    },
    { name: 'output', value: 'NAME', summary: 'output that the loss is of; default the first' },
    { name: 'target', value: 'NAME', summary: 'name of the targets in DATA; default t, target or label' },
    { name: 'lora', value: 'RANK', summary: 'train changes of low rank instead' },
    { name: 'lora-alpha', value: 'A', summary: 'the changes count A / RANK times; default RANK' },
    { name: 'validation', value: 'SHARE', summary: 'part of the rows to measure with; default none' },
    { name: 'patience', value: 'N', summary: 'end after N measurements that are no better' },
    { name: 'checkpoint', value: 'DIR', completes: 'folder', summary: 'keep what is needed to go on' },
    { name: 'resume', summary: 'go on from the checkpoint, if there is one' },
    { name: 'curve', value: 'FILE', completes: 'file', summary: 'write the losses as .svg or .csv' },
    { name: 'seed', value: 'N', summary: 'of the order of rows and all draws; default 0' },
    { name: 'threads', value: 'N', summary: 'threads within an operator, without workers; default 1' },
    { name: 'workers', value: 'N', summary: 'threads that share each batch, a part each; default none' },
    { name: 'image-size', value: 'SIZE', summary: 'such as 224 or 320x240, where the model takes any' },
    { name: 'mean', value: 'LIST', summary: 'of the channels, such as 0.485,0.456,0.406; default 0' },
    { name: 'std', value: 'LIST', summary: 'of the channels, such as 0.229,0.224,0.225; default 1' },
    { name: 'force', short: 'f', summary: 'replace files that are there' },
  ],
  examples: [
    {
      line: 'pith model finetune net.onnx --data rows.npz --trainable "^head" -o tuned.onnx',
      what: 'the weights whose names begin with head',
    },
    {
      line: 'pith model finetune net.onnx --data images --validation 0.1 --patience 5 -o tuned.onnx',
      what: 'sub-folders are classes; ends when unseen images get no better',
    },
    {
      line: 'pith model finetune net.onnx --data rows.jsonl --lora 8 --checkpoint run --resume -o tuned.onnx',
      what: 'changes of rank 8; call it again to go on after an interrupt',
    },
  ],
  load: () => import('./verbs/model-finetune.ts'),
}

/** The verbs of the engine. */
export const manifest: Manifest = {
  room: '@pith/engine',
  summary: 'check, inspect and fine-tune models',
  verbs: [check, inspect, finetune],
  cards: async () => [(await import('./card.ts')).card],
  checks: async () => (await import('./verbs/runtime-check.ts')).checkRuntime(),
}
