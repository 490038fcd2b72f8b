import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PithError } from '@pith/core'
import { writeAtomic } from '@pith/core/node'
import { loadRuntime } from '@pith/engine'
import { readHfTokenizer } from '@pith/engine/io'
import { LENGTH, TokenClassifier } from '../classifier.ts'
import { quantiseModel } from '../quantise.ts'
import type { TrainedClassifier } from '../train.ts'

/** How a classifier is loaded. */
export interface LoadClassifierOptions {
  /** Threads within one operator. Default 1. */
  threads?: number
  /** Class that says that a token stays. Default that of config.json, else 1. */
  keepIndex?: number
  /**
   * How its matrices are held: integers of 8 bits, in half the time or less, or single precision. Default q8. A model that is quantised
   * already stays as it is.
   */
  quant?: 'q8' | 'f32'
  /** Most tokens of a window, up to what config.json allows. Default 192. */
  maxLength?: number
}

const tokenizerConfig = (length: number): object => ({
  ...{ tokenizer_class: 'BertTokenizer', do_lower_case: true, model_max_length: length },
  ...{ unk_token: '[UNK]', pad_token: '[PAD]', cls_token: '[CLS]', sep_token: '[SEP]' },
})

const MODELS = ['model.onnx', 'onnx/model.onnx', 'onnx/model_quantized.onnx']

/**
 * A classifier from a folder: tokenizer.json, and model.onnx or onnx/model.onnx, as transformers exports token classifiers; config.json
 * may say `max_position_embeddings` and `keep_index`.
 *
 * @throws PithError `PITH_IO` a file is missing · `PITH_MODEL`, `PITH_CORRUPT` · `PITH_CAPABILITY`
 */
export async function loadClassifier(folder: string, options: LoadClassifierOptions = {}): Promise<TokenClassifier> {
  const { threads = 1, quant = 'q8', maxLength = LENGTH } = options
  const file = await readFirst(folder, MODELS)
  const tokenizer = await readHfTokenizer(await readFirst(folder, ['tokenizer.json']))
  const config = readConfig(await readFile(join(folder, 'config.json'), 'utf8').catch(() => '{}'), folder)
  const session = await (await loadRuntime({ threads })).create(quant === 'q8' ? quantiseModel(file) : file, {
    threads,
  })
  const length = config['max_position_embeddings']
  const keepIndex = options.keepIndex ?? config['keep_index']
  return new TokenClassifier({
    ...{ session, tokenizer },
    maxLength: typeof length === 'number' && length >= 16 ? Math.min(maxLength, Math.floor(length)) : maxLength,
    ...(typeof keepIndex === 'number' ? { keepIndex } : {}),
  })
}

/** Write a classifier as a folder that {@link loadClassifier} and transformers read. @throws PithError `PITH_IO` */
export async function saveClassifier(
  folder: string,
  { model, tokenizer, sizes, scores }: TrainedClassifier,
  options: { force?: boolean } = {},
): Promise<void> {
  const config = {
    ...{ model_type: 'bert', architectures: ['BertForTokenClassification'], vocab_size: sizes.vocab, keep_index: 1 },
    ...{ hidden_size: sizes.width, num_hidden_layers: sizes.layers, num_attention_heads: sizes.heads },
    ...{ max_position_embeddings: sizes.length, id2label: { 0: 'drop', 1: 'keep' }, label2id: { drop: 0, keep: 1 } },
    ...(scores === undefined ? {} : { scores }),
  }
  const json = (value: object): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)
  const own = { force: options.force ?? false }
  await mkdir(folder, { recursive: true })
  await writeAtomic(join(folder, 'tokenizer.json'), tokenizer, own)
  await writeAtomic(join(folder, 'tokenizer_config.json'), json(tokenizerConfig(sizes.length)), own)
  await writeAtomic(join(folder, 'config.json'), json(config), own)
  await writeAtomic(join(folder, 'model.onnx'), model, own)
}

async function readFirst(folder: string, names: readonly string[]): Promise<Uint8Array> {
  for (const name of names) {
    const bytes = await readFile(join(folder, name)).catch(() => undefined)
    if (bytes !== undefined) return new Uint8Array(bytes)
  }
  throw new PithError('PITH_IO', `${folder} has no ${names.join(' or ')}`, {
    hint: 'Name the folder of a token classifier.',
  })
}

function readConfig(text: string, folder: string): Record<string, unknown> {
  try {
    const config: unknown = JSON.parse(text)
    if (typeof config === 'object' && config !== null) return config as Record<string, unknown>
  } catch {
    // Told below.
  }
  throw new PithError('PITH_CORRUPT', `${join(folder, 'config.json')} is no JSON object`)
}
