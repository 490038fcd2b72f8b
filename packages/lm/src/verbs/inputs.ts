/** What the verbs of language models share: the model, the text, numbers. */
import { readFile } from 'node:fs/promises'
import { type Arguments, type CommandContext, formatBinaryBytes, formatCount, numberOf, PithError } from '@pith/core'
import { countParameters } from '../checkpoint/checkpoint.ts'
import type { Lm } from '../lm.ts'
import { loadLm } from '../node/load.ts'
import { QUANT_BITS, type Quant } from '../runtime/quantise.ts'

/** Longest text that is read. */
const MAX_TEXT = 2 ** 28

/** Load the model that the options name, and say what it takes. */
export async function modelOf(args: Arguments, context: CommandContext): Promise<Lm> {
  const path = args.value('model')
  if (path === undefined) {
    throw new PithError('PITH_ARG', 'option --model is missing', { hint: 'Name a folder or a file: --model PATH.' })
  }
  const quant = (args.value('quant') ?? 'f32') as Quant
  const tokenizer = args.value('tokenizer')
  const lm = await loadLm(path, {
    signal: context.signal,
    quant,
    ...(tokenizer === undefined ? {} : { tokenizer }),
    ...(args.has('threads') ? { threads: numberOf(args, 'threads', 1, 256, true) } : {}),
  })
  const { layers, kvHeads, headDim, ctx } = lm.config
  const count = countParameters(lm.config)
  const weights = quant === 'f32' ? 4 * count : (count * (QUANT_BITS[quant] + 1)) / 8
  await context.note(
    `${formatCount(count)} parameters, about ${formatBinaryBytes(weights)} as ${quant}; cache ${formatBinaryBytes(8 * layers * kvHeads * headDim)} a token, context ${formatCount(ctx)}`,
  )
  return lm
}

/** The text that the options name. @throws PithError `PITH_ARG` none or two of them · `PITH_IO` · `PITH_LIMIT` */
export async function textOf(args: Arguments, context: CommandContext): Promise<string> {
  const [file, prompt] = [args.value('text'), args.value('prompt')]
  if ((file === undefined) === (prompt === undefined)) {
    throw new PithError('PITH_ARG', 'give the text by --text FILE or by --prompt TEXT')
  }
  if (prompt !== undefined) return prompt
  const parts: Uint8Array[] = []
  let size = 0
  const take = (bytes: Uint8Array): void => {
    size += bytes.length
    if (size > MAX_TEXT) throw new PithError('PITH_LIMIT', `the text is longer than ${formatBinaryBytes(MAX_TEXT)}`)
    parts.push(bytes)
  }
  if (file === '-') for await (const bytes of context.stdin()) take(bytes)
  else {
    try {
      take(new Uint8Array(await readFile(file as string, { signal: context.signal })))
    } catch (cause) {
      if (context.signal.aborted) throw context.signal.reason
      if (cause instanceof PithError) throw cause
      throw new PithError('PITH_IO', `${file} cannot be read`, { cause, hint: 'Check the path.' })
    }
  }
  const decoder = new TextDecoder()
  return parts.map((bytes) => decoder.decode(bytes, { stream: true })).join('') + decoder.decode()
}

/** Ids of the text, behind the id that begins one. @throws PithError `PITH_ARG` fewer than `least` · `PITH_LIMIT` */
export async function idsOf(args: Arguments, context: CommandContext, lm: Lm, least: number): Promise<Int32Array> {
  const ids = lm.tokenizer.encode(await textOf(args, context), { special: true })
  if (ids.length < least) throw new PithError('PITH_ARG', `the text has ${ids.length} tokens, ${least} are needed`)
  if (ids.length > lm.config.ctx) {
    throw new PithError('PITH_LIMIT', `the text has ${ids.length} tokens, the model was made for ${lm.config.ctx}`, {
      hint: 'Give a shorter text.',
    })
  }
  return ids
}

/** Layers of an option such as `0,3,5`. @throws PithError `PITH_ARG` one that is not there */
export function layersOf(args: Arguments, count: number): number[] | undefined {
  const text = args.value('layers')
  if (text === undefined) return undefined
  const layers = text.split(',').map((part) => (/^\d{1,4}$/.test(part.trim()) ? Number(part) : Number.NaN))
  if (layers.some((layer) => !(layer < count))) {
    throw new PithError('PITH_ARG', `--layers must be such as 0,2 of 0 to ${count - 1}, got ${text.slice(0, 40)}`)
  }
  return layers
}

/** A piece of text on one line: control characters and quotes are escaped. */
export function shown(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
