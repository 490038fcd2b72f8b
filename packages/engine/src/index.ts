/** Array programs and ONNX models as one graph: differentiate, train, run and write back. */
export { type Data, type DType, isFloat } from './dtype.ts'
export { type Attr, type Attrs, Graph, type Node, type Subgraph, Value } from './ir/graph.ts'
export { allOps, type OpDef, opDef, registerOp, type VjpContext, type VjpRule } from './ir/registry.ts'
export type { Backend, Session, SessionOptions } from './runtime/backend.ts'
export type { Shape } from './shape.ts'
export { f32, i64, type Params, type Spec, spec, Tensor } from './tensor.ts'
