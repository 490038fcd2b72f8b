export * from './kernels.ts'
