/** Encoders of texts to dense vectors. */
export type { EndpointAddress } from './endpoint.ts'
export { type EndpointEncoderOptions, openEndpointEncoder } from './endpoint-encoder.ts'
export { openLsa, writeLsa } from './format.ts'
export { LsaEncoder, type LsaOptions, type LsaParts, trainLsa } from './lsa.ts'
export { type OnnxEncoder, type OnnxEncoderOptions, openOnnxEncoder } from './onnx-encoder.ts'
