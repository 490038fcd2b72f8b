/** Files from bytes or anything that can be read at any place: tensors (safetensors, NumPy's, GGUF, PyTorch's), images, sound, meshes, tokenizers. */
export { type Audio, type AudioLimits, readWav, type WavFormat, writeWav } from './audio.ts'
export { type AudioFormat, audioFormat, decodeAudio } from './audio-decode.ts'
export { type ResampleOptions, resample, resampleAudio } from './audio-resample.ts'
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
export { checkMesh, type Mesh, type MeshLimits } from './mesh.ts'
export { readGlb, type SceneMesh, writeGlb } from './mesh-gltf.ts'
export { readObj, writeObj } from './mesh-obj.ts'
export { readPly, writePly } from './mesh-ply.ts'
export { readStl, writeStl } from './mesh-stl.ts'
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
export { type DecodeOptions, type EncodeOptions, readHfTokenizer, type Tokenizer } from './tokenizer.ts'
export { type PieceOptions, type PieceTokenizer, readLlama2cTokenizer } from './tokenizer-llama2c.ts'
export { openTorch, type TorchEntry, type TorchFile, type TorchTensorName, type TorchValue } from './torch.ts'
export { openZip, type Zip, type ZipEntry } from './zip.ts'
