/** Small language models: their files, sizes, weights, tokenizers and arithmetic. */

export { readLlama2cTokenizer, type Tokenizer } from '@pith/engine/io'
export { type ChatMessage, type ChatTemplate, chatTemplate, encodeChat, PLAIN_TEMPLATE } from './chat/template.ts'
export {
  countParameters,
  type LmCheckpoint,
  type LmFormat,
  type LmTensorInfo,
  type LoadedTokenizer,
  type LoadOptions,
  parameterShapes,
  readWeights,
} from './checkpoint/checkpoint.ts'
export { openGgufModel } from './checkpoint/gguf.ts'
export { ggufTokenizerValues, tokenizerOfGguf } from './checkpoint/gguf-tokenizer.ts'
export { type GgufWriteOptions, writeGgufModel } from './checkpoint/gguf-write.ts'
export { type HfOptions, type OpenFile, openHf } from './checkpoint/hf.ts'
export {
  type HfWriteOptions,
  hfConfigJson,
  hfNameOf,
  hfSafetensors,
  type SpecialTokens,
} from './checkpoint/hf-write.ts'
export { openLlama2c } from './checkpoint/llama2c.ts'
export { openOnnxModel } from './checkpoint/onnx.ts'
export { type OnnxWriteOptions, onnxModelOf } from './checkpoint/onnx-write.ts'
export { checkConfig, type LmConfig } from './config.ts'
export { EndpointModel, type EndpointOptions, type EndpointToken, UNKNOWN_ID } from './endpoint/endpoint.ts'
export { fingerprintOf } from './fingerprint.ts'
export { generateTokens } from './generate.ts'
export {
  checkSameModel,
  type HeadKv,
  KvCache,
  type KvCacheParts,
  type KvShape,
  type ModelFingerprint,
  type RaggedKv,
} from './kv-cache.ts'
export type {
  AttentionOptions,
  GeneratedToken,
  GenerateEnd,
  GenerateOptions,
  LanguageModel,
  LayerAttention,
  Perplexity,
  PerplexityOptions,
  TokenScore,
} from './language-model.ts'
export { Lm, type LmParts } from './lm.ts'
export { hiddenStates, logitsOf } from './model/network.ts'
export { type RopeTables, ropeTables } from './model/rope.ts'
export { prefillThrough, type ThroughCache } from './prefill-through.ts'
export type { PrefixCache } from './prefix-cache.ts'
export { type Computed, Decoder, type DecoderRuntime, type Wanted } from './runtime/decoder.ts'
export { EvictingSession } from './runtime/evicting-session.ts'
export type { EvictionPolicy, HeadWatch, Prompt, PromptLayer, PromptNeeds, Stage } from './runtime/eviction.ts'
export type { SumRows } from './runtime/feeds.ts'
export { groupByHead, groupByLayer, type HeadGroups } from './runtime/head-groups.ts'
export { KvMemory } from './runtime/memory.ts'
export { bestPlaces, type ReadPromptOptions, smoothed } from './runtime/prompt.ts'
export type { Quant } from './runtime/quantise.ts'
export { LmSession, type PrefillOptions } from './runtime/session.ts'
export { type Attend, type NewTokens, SplitDecoder } from './runtime/split-decoder.ts'
export { likeliest, logProbability, type SampleOptions, sampleToken } from './sample.ts'
