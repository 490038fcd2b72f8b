/** `pith lm export`. */
import { extname } from 'node:path'
import { type Arguments, type CommandContext, formatBytes, formatCount, PithError } from '@pith/core'
import { writeAtomic } from '@pith/core/node'
import { saveModel } from '@pith/engine/onnx/node'
import { countParameters, readWeights } from '../checkpoint/checkpoint.ts'
import { ggufTokenizerValues } from '../checkpoint/gguf-tokenizer.ts'
import { type GgufWriteOptions, writeGgufModel } from '../checkpoint/gguf-write.ts'
import { onnxModelOf } from '../checkpoint/onnx-write.ts'
import { type OpenedModel, openModel } from '../node/open-model.ts'
import type { Quant } from '../runtime/quantise.ts'

/** Types of matrices in GGUF files. */
const GGUF_TYPES: Readonly<Partial<Record<Quant, NonNullable<GgufWriteOptions['type']>>>> = {
  f32: 'F32',
  q8: 'Q8_0',
  q4: 'Q4_0',
}

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const [path, out] = [args.value('model'), args.value('out')]
  if (path === undefined) {
    throw new PithError('PITH_ARG', 'option --model is missing', { hint: 'Name a folder or a file: --model PATH.' })
  }
  const kind = extname(out ?? '')
  if (out === undefined || (kind !== '.onnx' && kind !== '.gguf')) {
    throw new PithError('PITH_ARG', '--out must name a file that ends with .onnx or .gguf')
  }
  const quant = (args.value('quant') ?? 'f32') as Quant
  const type = GGUF_TYPES[quant]
  if (kind === '.gguf' && type === undefined) {
    throw new PithError('PITH_UNSUPPORTED', `a GGUF file does not hold ${quant}`, { hint: 'Take f32, q8 or q4.' })
  }
  const tokenizer = args.value('tokenizer')
  const opened = await openModel(path, {
    signal: context.signal,
    ...(tokenizer === undefined ? {} : { tokenizer }),
  })
  try {
    const options = { force: args.has('force'), signal: context.signal }
    const bytes =
      kind === '.onnx' ? await writeOnnx(opened, quant, out, options) : await writeGguf(opened, type, out, options)
    const parameters = countParameters(opened.checkpoint.config)
    const hasTokenizer = opened.tokenizer !== undefined
    if (context.json) await context.report({ out, bytes, parameters, quant, hasTokenizer })
    else if (!context.quiet) {
      const within = hasTokenizer ? 'its tokenizer within' : 'no tokenizer'
      await context.stdout.write(`${out}: ${formatCount(parameters)} parameters in ${formatBytes(bytes)}, ${within}\n`)
    }
    return 0
  } finally {
    await opened.checkpoint.close()
  }
}

interface WriteOptions {
  readonly force: boolean
  readonly signal: AbortSignal
}

async function writeOnnx(
  { checkpoint, tokenizer }: OpenedModel,
  quant: Quant,
  out: string,
  options: WriteOptions,
): Promise<number> {
  const params = await readWeights(checkpoint, options)
  const model = onnxModelOf(checkpoint.config, params, {
    quant,
    ...(tokenizer === undefined ? {} : { tokenizer }),
  })
  await saveModel(model, out, options)
  return (model.graph?.initializer ?? []).reduce((sum, { rawData }) => sum + (rawData?.length ?? 0), 0)
}

async function writeGguf(
  { checkpoint, tokenizer }: OpenedModel,
  type: GgufWriteOptions['type'],
  out: string,
  options: WriteOptions,
): Promise<number> {
  if (tokenizer !== undefined && tokenizer.bytes[3] !== 0) {
    throw new PithError('PITH_UNSUPPORTED', 'only a tokenizer.bin is written into a GGUF file', {
      hint: 'Name one with --tokenizer, or write an .onnx file.',
    })
  }
  const bytes = await writeGgufModel(checkpoint.config, await readWeights(checkpoint, options), {
    ...(type === undefined ? {} : { type }),
    ...(tokenizer === undefined ? {} : { tokenizer: ggufTokenizerValues(tokenizer.bytes) }),
  })
  await writeAtomic(out, bytes, options)
  return bytes.length
}
