/** Models from paths. */
export { type LoadedTokenizer, type OpenedModel, type OpenModelOptions, openModel } from './open-model.ts'
