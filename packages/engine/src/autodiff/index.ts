/** Gradients of programs. */
export {
  type CheckOptions,
  checkGradientCases,
  checkGradients,
  type GradientCase,
  type GradientError,
} from './check.ts'
export { checkpoint } from './checkpoint.ts'
export { customVjp, stopGradient, straightThrough } from './custom.ts'
export { grad, splitGrad, valueAndGrad } from './grad.ts'
export { hvp, jvp } from './jvp.ts'
export { type RowGradient, type SplitGradient, vjp } from './vjp.ts'
