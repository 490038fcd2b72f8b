/** Training: one compiled step, whole trainings, batches, and what a checkpoint holds. */
export { type BatchOptions, type BatchSource, batchesOf, splitRows, takeRows } from './batches.ts'
export { batchesFrom, type Rows, someRows, splitBatches, tensorRows } from './data/rows.ts'
export { type FineTuneOptions, fineTune } from './fine-tune.ts'
export { tunedModel } from './fine-tune-save.ts'
export { type FitOptions, type FitResult, type FitStep, fit } from './fit.ts'
export { isAdapter, type LoraOptions, loraParams, loraScale, loraValues, mergeLora } from './lora.ts'
export { findNonFinite } from './non-finite.ts'
export type { TrainWorkers } from './parallel.ts'
export { restoreState, type StateFiles, saveState } from './state.ts'
export {
  type Batch,
  compileTrainStep,
  type Loss,
  type StepCounts,
  type StepResult,
  type TrainStep,
  type TrainStepOptions,
  type Values,
} from './step.ts'
export type { Measured, Validation, Watched } from './watch.ts'
