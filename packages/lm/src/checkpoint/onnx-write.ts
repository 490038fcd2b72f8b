/** The network of the runtime as an ONNX model, which other programs run with onnxruntime and `--model` reads again. */
import type { Params, Value } from '@pith/engine'
import { type ModelProto, toModel } from '@pith/engine/onnx'
import { checkConfig, type LmConfig } from '../config.ts'
import { decoderGraph, ENDS } from '../runtime/graph.ts'
import type { Quant } from '../runtime/quantise.ts'
import type { LoadedTokenizer } from './checkpoint.ts'

/** Keys of the metadata of the model; tokenizers that are no text are in base64. */
export const ONNX_KEYS = {
  config: 'pith.lm.config',
  bin: 'pith.lm.tokenizer.bin',
  json: 'pith.lm.tokenizer.json',
  settings: 'pith.lm.tokenizer_config.json',
} as const

/** How a model is written. */
export interface OnnxWriteOptions {
  /** How matrices are held. Default `f32`. */
  readonly quant?: Quant
  readonly tokenizer?: Omit<LoadedTokenizer, 'own'>
}

/**
 * The network as an ONNX model. Its inputs and outputs are those of one step of the runtime (docs/lm.md), its initialisers have
 * the names of `parameterShapes`, joined by `+` where matrices are, and its metadata hold the sizes and the tokenizer.
 *
 * @throws PithError `PITH_MODEL` sizes that cannot be, or a parameter that is missing
 */
export function onnxModelOf(config: LmConfig, params: Params, options: OnnxWriteOptions = {}): ModelProto {
  checkConfig(config)
  const { quant = 'f32', tokenizer } = options
  const initialisers: Params = {}
  const all = decoderGraph(config, params, { quant, named: initialisers })
  const names = [ENDS.logits]
  for (let layer = 0; layer < config.layers; layer++) names.push(ENDS.k(layer), ENDS.v(layer))
  const outputs = Object.fromEntries(names.map((name) => [name, all[name] as Value]))
  const model = toModel((all[ENDS.logits] as Value).graph, outputs, { initialisers, name: 'pith-lm' })
  const texts = { [ONNX_KEYS.config]: JSON.stringify(config), ...tokenizerTexts(tokenizer) }
  return { ...model, metadataProps: Object.entries(texts).map(([key, value]) => ({ key, value })) }
}

function tokenizerTexts(tokenizer: OnnxWriteOptions['tokenizer']): Record<string, string> {
  if (tokenizer === undefined) return {}
  const { bytes, config } = tokenizer
  // A tokenizer.bin begins with a small number in 32 bits, so its fourth byte is 0.
  if (bytes[3] === 0) {
    let text = ''
    for (const byte of bytes) text += String.fromCharCode(byte)
    return { [ONNX_KEYS.bin]: btoa(text) }
  }
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  return {
    [ONNX_KEYS.json]: decoder.decode(bytes),
    ...(config === undefined ? {} : { [ONNX_KEYS.settings]: decoder.decode(config) }),
  }
}
