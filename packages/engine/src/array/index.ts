/** Array programs: functions on values, traced to graphs. */
export { type JitOptions, type Jitted, jit } from './jit.ts'
export * as ops from './ops.ts'
export { type Program, type Traceable, trace } from './trace.ts'
export { type VmapOptions, vmap } from './vmap.ts'
