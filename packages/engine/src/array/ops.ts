/** Functions on values of a graph: each emits nodes and returns their result. */
export * from './einsum.ts'
export * from './elementwise.ts'
export * from './indexing.ts'
export * from './layers.ts'
export * from './linear.ts'
export * from './movement.ts'
export { constant, type Operand } from './operand.ts'
export * from './reduce.ts'
