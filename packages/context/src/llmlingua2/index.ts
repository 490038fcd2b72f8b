export { type ClassifierOptions, type KeptWords, TokenClassifier } from './classifier.ts'
export { type Labels, labelWords } from './labels.ts'
export type { EncoderSizes } from './network.ts'
export { quantiseModel } from './quantise.ts'
export { ruleLabels } from './teacher.ts'
export {
  type KeepScores,
  type LabelledText,
  type TrainClassifierOptions,
  type TrainedClassifier,
  trainClassifier,
} from './train.ts'
