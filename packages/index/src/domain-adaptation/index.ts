/** Indexes that are adapted to their documents without labels: GenQ and GPL. */

export { type Adapted, type AdaptInput, type AdaptOptions, type AdaptReport, adapt } from './adapt.ts'
export { card as domainAdaptationCard } from './card.ts'
export { readCorpus, type TermCorpus, textOf } from './corpus.ts'
export { type CrossEncoderOptions, openCrossEncoder } from './cross-encoder.ts'
export { type EndpointModelOptions, endpointGenerator, endpointTeacher } from './endpoint-models.ts'
export {
  builtinGenerator,
  type GeneratedQuery,
  type GenerateOptions,
  generateQueries,
  type QueryGenerator,
} from './generator.ts'
export type { JudgedRow, RankingRow, Verdict } from './guard.ts'
export { labelMargins, mineNegatives, type OwnView, type Retriever } from './labels.ts'
export { builtinTeacher, type Teacher } from './teacher.ts'
