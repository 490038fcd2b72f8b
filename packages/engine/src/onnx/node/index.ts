/** Models as files on Node. */
export { loadModel, type SaveModelOptions, saveModel } from './model-files.ts'
