/** What turns queries into vectors and is trained beside the centroids. */
export interface QueryTower {
  readonly dim: number
  /** f32[which.length, dim]: vectors of queries by number, by the parameters as they are now. */
  embed(which: Uint32Array): Promise<Float32Array>
  /** Take a step against f64[which.length, dim], the gradients of a loss by what {@link embed} gave. */
  step(which: Uint32Array, gradients: Float64Array, rate: number): Promise<void>
  /** Remember the parameters as they are now. */
  keep(): void | Promise<void>
}
