export {
  type Cholesky,
  type CholeskyOptions,
  cholesky,
  cholInverse,
  solveTri,
  type TriangularOptions,
} from './cholesky.ts'
export { type Eigh, type EighOptions, eigh } from './eigh.ts'
export { hadamard, hadamardMatrix } from './hadamard.ts'
export { type Kmeans, type KmeansOptions, kmeans } from './kmeans.ts'
export { longCholesky } from './long-cholesky.ts'
export type { LongOptions } from './long-work.ts'
export {
  identity,
  type Matrix,
  type Matrix64,
  matrixFromRows,
  matrixOf,
  matrixOfTensor,
  type Reals,
  tensorOfMatrix,
  toF32,
  toF64,
  transpose,
  zeros,
} from './matrix.ts'
export { type Nnls, type NnlsOptions, nnls } from './nnls.ts'
export { type Omp, type OmpOptions, omp } from './omp.ts'
export { type Polar, type Procrustes, polar, procrustes, randomOrthogonal } from './orthogonal.ts'
export { type Pca, pca, projectPca } from './pca.ts'
export { matmul, multiply, multiplyVector, plainProduct, type WithProduct } from './product.ts'
export { type Qr, type QrOptions, qr } from './qr.ts'
export type { RangeOptions } from './range.ts'
export { type Product, type ProductOptions, runtimeProduct } from './runtime-product.ts'
export { type Lstsq, type LstsqOptions, lstsq, type PinvOptions, pinv, solve } from './solve.ts'
export { type Svd, type SvdMethod, type SvdOptions, svd } from './svd.ts'
export { type TopK, topk } from './topk.ts'
