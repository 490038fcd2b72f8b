/** Running graphs and models. */
export type { Backend, Session, SessionOptions } from './backend.ts'
export { type CacheLimits, type MadeSession, SessionCache } from './cache.ts'
export { type CompileOptions, compile } from './compile.ts'
export { loadRuntime, type RuntimeOptions } from './load.ts'
export { checkMemory, estimateMemory, type MemoryEstimate } from './memory.ts'
