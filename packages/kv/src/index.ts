/** Caches of keys and values: compressed, stored, streamed and attended over. */
export * from './cachegen/index.ts'
export * from './gear/index.ts'
export * from './measure/index.ts'
export { profileCoder } from './profile-coder.ts'
export * from './store/index.ts'
export * from './stream/index.ts'
export * from './uncomp/index.ts'
