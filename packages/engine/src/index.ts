/** Array programs and ONNX models as one graph: differentiate, train, run and write back. */
export {
  type JitOptions,
  type Jitted,
  jit,
  ops,
  type Program,
  type Traceable,
  trace,
  type VmapOptions,
  vmap,
} from './array/index.ts'
export * from './autodiff/index.ts'
export { type Data, type DType, isFloat } from './dtype.ts'
export type { EngineWorkerOptions } from './engine-worker.ts'
export { type Attr, type Attrs, type EmitOptions, Graph, type Node, type Subgraph, Value } from './ir/graph.ts'
export * as passes from './ir/passes/index.ts'
export {
  allOps,
  type BatchContext,
  type BatchRule,
  type InferContext,
  type OpDef,
  opDef,
  registerOp,
  type VjpContext,
  type VjpRule,
} from './ir/registry.ts'
export * as nn from './nn/index.ts'
export * from './optim/index.ts'
export type { Backend, RunOptions, Session, SessionOptions } from './runtime/backend.ts'
export { type CacheLimits, type MadeSession, SessionCache } from './runtime/cache.ts'
export { type CompileOptions, compile } from './runtime/compile.ts'
export { loadRuntime, type RuntimeOptions } from './runtime/load.ts'
export { checkMemory, estimateMemory, type MemoryEstimate } from './runtime/memory.ts'
export { type WebgpuSupport, webgpuSupported } from './runtime/webgpu-program.ts'
export { openWorkers, type WorkerBackend, type WorkersOptions, type WorkersStats } from './runtime/workers.ts'
export type { Shape } from './shape.ts'
export { f32, i64, type Params, type Spec, spec, Tensor } from './tensor.ts'
export * from './train/index.ts'
