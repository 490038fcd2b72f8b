/** What language models add to the `pith` command. */
import type { Manifest, OptionSpec, VerbSpec } from '@pith/core'

/** Options of verbs that run a model. */
export const MODEL: readonly OptionSpec[] = [
  { name: 'model', short: 'm', value: 'PATH', completes: 'file', summary: 'a folder or a file of a model' },
  { name: 'tokenizer', value: 'FILE', completes: 'file', summary: 'the tokenizer, if not beside the model' },
  {
    name: 'quant',
    value: 'KIND',
    choices: ['f32', 'q8', 'q4', 'q2'],
    summary: 'weights as f32 (default), q8, q4 or q2',
  },
  { name: 'threads', value: 'N', summary: 'threads to use; default 1' },
]

/** Options of verbs that read a text. */
export const TEXT: readonly OptionSpec[] = [
  { name: 'text', value: 'FILE', completes: 'file', summary: 'the text; - is standard input' },
  { name: 'prompt', value: 'TEXT', summary: 'the text itself' },
]

const OUT: readonly OptionSpec[] = [
  { name: 'out', short: 'o', value: 'FILE.npz', completes: 'file', summary: 'where the arrays go' },
  { name: 'force', short: 'f', summary: 'replace a file that exists' },
]

const KINDS =
  'A model is a folder with config.json and safetensors, a .safetensors file with a config.json beside it, a GGUF file, an ONNX file of pith lm export, or a checkpoint of llama2.c with its tokenizer.bin.'

const generate: VerbSpec = {
  name: 'lm generate',
  group: 'Models',
  summary: 'write text behind a prompt',
  details: [
    KINDS,
    'The same seed gives the same text. Filters work in the order of the options.',
    'With --past the model goes on behind a cache that pith kv encode wrote, and reads only what --text or --prompt put behind it.',
  ],
  operands: [],
  options: [
    ...MODEL,
    ...TEXT,
    { name: 'past', value: 'FILE.pith', completes: 'file', summary: 'the cache of a text that stands in front' },
    { name: 'level', value: 'N', summary: 'level of the cache; default the best of the file' },
    { name: 'profile', value: 'FILE.kvp', completes: 'file', summary: 'of the cache, if not within it' },
    { name: 'max-tokens', value: 'N', summary: 'tokens to write at most; default 256' },
    { name: 'repeat-penalty', value: 'X', summary: 'factor against tokens that were there; default 1' },
    { name: 'temperature', value: 'X', summary: '0 takes the best token; default 0.8' },
    { name: 'top-k', value: 'N', summary: 'only the N best tokens; default all' },
    { name: 'top-p', value: 'X', summary: 'only the best tokens of this probability together; default 1' },
    { name: 'min-p', value: 'X', summary: 'only tokens of this part of the best one; default 0' },
    { name: 'seed', value: 'N', summary: 'of what is drawn; default 0' },
    { name: 'stop', value: 'TEXT', many: true, summary: 'a text that ends it' },
  ],
  examples: [
    { line: 'pith lm generate --model models/pith-recall --prompt "once upon a time"', what: 'a story' },
    { line: 'pith lm generate -m net.gguf --quant q4 --text prompt.txt --temperature 0', what: 'the likeliest text' },
    { line: 'pith lm generate -m models/pith-recall --past doc.pith --prompt " and then"', what: 'behind a cache' },
  ],
  load: () => import('./verbs/generate.ts'),
}

const ppl: VerbSpec = {
  name: 'lm ppl',
  group: 'Models',
  summary: 'measure how well a model foresees a text',
  details: [
    KINDS,
    'The text is read in windows; each token is scored once, behind half a window or more where there is as much.',
  ],
  operands: [],
  options: [
    ...MODEL,
    ...TEXT,
    { name: 'window', value: 'N', summary: 'tokens read at once; default the context of the model' },
    { name: 'stride', value: 'N', summary: 'tokens scored of each window; default half of it' },
  ],
  examples: [
    { line: 'pith lm ppl --model models/pith-recall --text story.txt --json', what: 'nll, ppl, bitsPerByte and n' },
  ],
  load: () => import('./verbs/ppl.ts'),
}

const logprobs: VerbSpec = {
  name: 'lm logprobs',
  group: 'Models',
  summary: 'print the logarithm of the probability of each token',
  details: [KINDS],
  operands: [],
  options: [...MODEL, ...TEXT],
  examples: [
    { line: 'pith lm logprobs -m models/pith-recall --prompt "the cat sat"', what: 'id, nats and text of each token' },
  ],
  load: () => import('./verbs/logprobs.ts'),
}

const hidden: VerbSpec = {
  name: 'lm hidden',
  group: 'Models',
  summary: 'write the hidden states of a text',
  details: [KINDS, 'Layer 0 is what goes into the first layer; the number of layers names what comes out of the last.'],
  operands: [],
  options: [
    ...MODEL,
    ...TEXT,
    { name: 'layers', value: 'LIST', summary: 'such as 0,3; default behind the last' },
    ...OUT,
  ],
  examples: [
    { line: 'pith lm hidden -m models/pith-recall --text story.txt --layers 0,6 -o states.npz', what: 'two layers' },
  ],
  load: () => import('./verbs/hidden.ts'),
}

const attn: VerbSpec = {
  name: 'lm attn',
  group: 'Models',
  summary: 'write the attention of a text',
  details: [
    KINDS,
    'full gives [heads, tokens, tokens] of each layer, last the sum over the last queries and those that share keys.',
  ],
  operands: [],
  options: [
    ...MODEL,
    ...TEXT,
    { name: 'layers', value: 'LIST', summary: 'such as 0,3; default all' },
    { name: 'reduce', value: 'KIND', choices: ['last', 'full'], summary: 'whole maps, or a sum; default last' },
    { name: 'window', value: 'N', summary: 'queries that are summed; default 8' },
    ...OUT,
  ],
  examples: [
    { line: 'pith lm attn -m models/pith-recall --text story.txt --layers 1 -o attention.npz', what: 'one layer' },
  ],
  load: () => import('./verbs/attn.ts'),
}

const exportTo: VerbSpec = {
  name: 'lm export',
  group: 'Models',
  summary: 'write a model as an ONNX or a GGUF file',
  details: [
    KINDS,
    'An ONNX file holds the network as it is run here, which onnxruntime runs elsewhere too, with sizes and tokenizer in its metadata; tensors beyond 64 MiB stand in a file beside it. A GGUF file is for llama.cpp.',
  ],
  operands: [],
  options: [
    ...MODEL.filter(({ name }) => name !== 'threads'),
    { name: 'out', short: 'o', value: 'FILE', completes: 'file', summary: 'a name that ends with .onnx or .gguf' },
    { name: 'force', short: 'f', summary: 'replace a file that exists' },
  ],
  examples: [
    { line: 'pith lm export -m models/pith-recall -o recall.onnx', what: 'single precision' },
    { line: 'pith lm export -m models/pith-recall --quant q4 -o recall-q4.onnx', what: 'matrices in 4 bits' },
  ],
  load: () => import('./verbs/export.ts'),
}

const serve: VerbSpec = {
  name: 'lm serve',
  group: 'Models',
  summary: "answer requests in the form of OpenAI's API",
  details: [
    KINDS,
    'It answers /v1/models, /v1/completions and /v1/chat/completions, whole or as a stream, until it is ended. Requests wait for each other; one whose client goes away is given up. The same request with the same seed gives the same answer.',
    'Only this machine reaches it, unless --host names another address; it asks nobody who they are.',
    'With --store, beginnings of prompts that were read before are not read again. A store is a folder, or redis://HOST; it holds what prompts say.',
  ],
  operands: [],
  options: [
    ...MODEL,
    { name: 'host', value: 'ADDRESS', summary: 'where to listen; default 127.0.0.1' },
    { name: 'port', value: 'N', summary: '0 is any that is free; default 8080' },
    { name: 'name', value: 'NAME', summary: 'of the model in answers; default that of its file' },
    { name: 'max-tokens', value: 'N', summary: 'tokens that a request may ask for at most; default its context' },
    { name: 'queue', value: 'N', summary: 'requests that may wait; default 64' },
    { name: 'store', value: 'PLACE', many: true, completes: 'folder', summary: 'keep prefixes there, nearest first' },
    { name: 'salt', value: 'TEXT', summary: 'a secret, without which the store shows nothing' },
  ],
  examples: [
    { line: 'pith lm serve -m models/pith-recall', what: 'at http://127.0.0.1:8080/v1' },
    {
      line: 'pith lm serve -m net.gguf --quant q4 --store ~/.cache/pith/kv --port 0',
      what: 'with a store of prefixes',
    },
  ],
  exits: [
    [1, 'failed'],
    [2, 'bad usage'],
    [130, 'ended, as by Ctrl-C'],
  ],
  load: () => import('./verbs/serve.ts'),
}

/** The verbs of language models. */
export const manifest: Manifest = {
  room: '@pith/lm',
  summary: 'run small language models',
  cards: async () => [(await import('./card.ts')).card],
  verbs: [generate, ppl, logprobs, hidden, attn, exportTo, serve],
}
