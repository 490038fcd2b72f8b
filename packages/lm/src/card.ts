import type { SystemCard } from '@pith/core'

/** What the runtime of language models is, and what backs its claims. */
export const card: SystemCard = {
  id: 'lm',
  title: 'Small language models: runtime and server',
  summary:
    'Models of the llama family from the files they come in, in 32, 8, 4 or 2 bits, on onnxruntime; probabilities, hidden states, attention, and a cache of keys and values that belongs to the caller.',
  entryPoints: [
    'pith lm generate -m MODEL --prompt TEXT',
    'pith lm ppl -m MODEL --text FILE',
    'pith lm serve -m MODEL',
    'pith lm export -m MODEL -o FILE.onnx',
    "import { loadLm } from '@pith/lm/node'",
  ],
  differences: [
    'After llama2.c and llama.cpp; there is no paper.',
    'The past is an input of the network and never an output: a step costs what is new, not what is copied.',
    'A cache carries the fingerprint of its model, tokenizer and arithmetic, and is attached to nothing else.',
  ],
  benchmark: 'lm',
}
