/** Networks: parameters by name, layers, losses, and the random inputs of training. */
export { type MhaOptions, mha } from './attention.ts'
export { type BatchNormOptions, batchNorm, trainingFlag } from './batch-norm.ts'
export { type GdnOptions, gdn, type UpsampleOptions, upsample } from './images.ts'
export {
  full,
  glorot,
  he,
  type Initializer,
  lecun,
  normal,
  ones,
  torchUniform,
  uniform,
  zeros,
} from './init.ts'
export {
  type ConvLayerOptions,
  type ConvTransposeLayerOptions,
  conv1d,
  conv2d,
  convT2d,
  dropout,
  type EmbeddingOptions,
  embedding,
  groupNorm,
  type LinearOptions,
  layerNorm,
  linear,
  type MlpOptions,
  mlp,
  type NormLayerOptions,
  rmsNorm,
} from './layers.ts'
export {
  bce,
  type CrossEntropyOptions,
  crossEntropy,
  huber,
  type InfoNceOptions,
  infoNce,
  kl,
  mae,
  mse,
} from './losses.ts'
export { dropoutNoise, type Noise, normalNoise, uniformNoise } from './noise.ts'
export { gru, lstm, type RecurrentOptions, type RecurrentResult } from './recurrent.ts'
export { type Module, module, Scope } from './scope.ts'
