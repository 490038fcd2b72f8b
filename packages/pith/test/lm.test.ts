import { expect, test } from 'vitest'
import { makeFolder, pith } from './host.ts'

const tmp = makeFolder()

test('help of lm ppl is exact', async () => {
  expect(await pith(tmp, 'lm ppl --help')).toMatchObject({
    code: 0,
    err: '',
    out: `Usage: pith lm ppl [OPTIONS]

Measure how well a model foresees a text.

A model is a folder with config.json and safetensors, a .safetensors file with a
config.json beside it, a GGUF file, an ONNX file of pith lm export, or a
checkpoint of llama2.c with its tokenizer.bin.

The text is read in windows; each token is scored once, behind half a window or
more where there is as much.

Options:
  -m, --model PATH      a folder or a file of a model
      --tokenizer FILE  the tokenizer, if not beside the model
      --quant KIND      weights as f32 (default), q8, q4 or q2
      --threads N       threads to use; default 1
      --text FILE       the text; - is standard input
      --prompt TEXT     the text itself
      --window N        tokens read at once; default the context of the model
      --stride N        tokens scored of each window; default half of it
      --json            print one machine-readable report on stdout
  -q, --quiet           say nothing but errors
      --debug           print the stack of an error
  -h, --help            print help for this verb

Examples:
  pith lm ppl --model models/pith-recall --text story.txt --json
      nll, ppl, bitsPerByte and n

Exit codes: 0 done, 1 failed, 2 bad usage, 130 interrupted.
`,
  })
})

test.each([
  ['lm ppl --prompt ab', 2, '--model is missing'],
  ['lm ppl -m TMP/none --prompt ab', 1, 'PITH_IO'],
  ['lm ppl -m TMP --prompt ab', 2, 'holds no model'],
  ['lm ppl -m TMP/net.bin --prompt ab --quant q3', 2, 'q3'],
  ['lm write', 2, 'lm'],
])('%s is refused', async (line, code, says) => {
  expect(await pith(tmp, line)).toMatchObject({ code, out: '', err: expect.stringContaining(says) })
})
