/** Encoders of texts to dense vectors. */
export { openLsa, writeLsa } from './format.ts'
export { LsaEncoder, type LsaOptions, type LsaParts, trainLsa } from './lsa.ts'
