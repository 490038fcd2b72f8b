export * from './byte-column.ts'
export * from './dictionary.ts'
export * from './integers.ts'
export * from './numerals.ts'
