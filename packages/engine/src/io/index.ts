/** Files of tensors: safetensors, NumPy's, GGUF and PyTorch's, over bytes or anything that can be read at any place. */
export { type Float8, f32FromFloat8, float8Values } from './float8.ts'
export { type Gguf, type GgufEntry, openGguf } from './gguf.ts'
export { dequantize, isBlockType } from './gguf-dequantize.ts'
export type { GgufArray, GgufBigType, GgufNumbers, GgufNumberType, GgufValue } from './gguf-metadata.ts'
export { type QuantizableType, quantize } from './gguf-quantize.ts'
export {
  type GgufBlockType,
  type GgufOpaqueType,
  type GgufPlainType,
  type GgufType,
  type GgufTypeFacts,
  ggufBytes,
  ggufTypeFacts,
} from './gguf-types.ts'
export { type GgufModel, type GgufSpec, ggufChunks, writeGguf } from './gguf-write.ts'
export { fromHfName, type HfConfig, type HfFamily, type HfName, readHfConfig } from './hf.ts'
export {
  type DecodeImageOptions,
  decodeImageWeb,
  type Image,
  type ImageFormat,
  type ImageHeader,
  type ImageTensorOptions,
  imageHeader,
  imageTensor,
} from './images.ts'
export { type NpyHeader, parseNpy, parseNpyHeader, readNpy, writeNpy } from './npy.ts'
export { type NpzEntry, openNpz, readNpz, writeNpz } from './npz.ts'
export {
  openSafetensors,
  type Safetensors,
  type SafetensorsOptions,
  safetensorsChunks,
  safetensorsSpecs,
  writeSafetensors,
} from './safetensors.ts'
export {
  dtypeOfSafetensors,
  type SafetensorsEntry,
  type SafetensorsSpec,
  type SafetensorsType,
  safetensorsType,
} from './safetensors-header.ts'
export {
  openShardedSafetensors,
  parseShardIndex,
  planShards,
  type Shard,
  type ShardIndex,
} from './safetensors-shards.ts'
export { type ReadOptions, readParams, type TensorEntry, type TensorFile } from './tensor-file.ts'
export { openTorch, type TorchEntry, type TorchFile, type TorchTensorName, type TorchValue } from './torch.ts'
