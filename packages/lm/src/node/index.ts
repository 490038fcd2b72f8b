/** Models from paths. */

export { type LoadLmOptions, loadLm } from './load.ts'
export { type LoadedTokenizer, type OpenedModel, type OpenModelOptions, openModel } from './open-model.ts'
