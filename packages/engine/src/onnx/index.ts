/** ONNX files: read, write, and as graphs of the engine. */

export { type ExportOptions, toModel } from './export.ts'
export { type Moved, type MoveOptions, moveExternal, type OpenExternal, resolveExternal } from './external.ts'
export { fromModel, type ImportedModel, type ImportOptions } from './import.ts'
export { READ_LIMITS, type ReadLimits } from './limits.ts'
export type * from './proto.ts'
export { ATTRIBUTE_TYPE } from './proto.ts'
export { type ReadModelOptions, readModel, readTensorProto } from './read.ts'
export { fromTensor, toTensor } from './tensor-proto.ts'
export { type TorchName, torchNames } from './torch-names.ts'
export { modelBytes, writeModel, writeModelChunks, writeTensorProto } from './write.ts'
