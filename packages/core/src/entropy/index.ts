export * from './columns/index.ts'
export * from './rans.ts'
export * from './rans-adaptive.ts'
export * from './text.ts'
