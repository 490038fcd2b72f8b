/** Models from paths, and what verbs that need one share. */

export { idsOf, layersOf, modelOf, numberOf, textOf } from '../verbs/inputs.ts'
export { writeTensors } from '../verbs/tensors.ts'
export { type LoadLmOptions, loadLm } from './load.ts'
export { type OpenedModel, type OpenModelOptions, openModel } from './open-model.ts'
