/** Models from paths, and what verbs that need one share. */

export { findChatTemplate } from '../chat/node/find-template.ts'
export type { ModelFacts, ModelSource, PrefixSource, ToldToken, WritingEvent, WritingJob } from '../serve/messages.ts'
export { ModelHost } from '../serve/node/model-host.ts'
export { type ServeLmOptions, serveLm } from '../serve/node/server.ts'
export type { Prompt, WritingRequest } from '../serve/requests.ts'
export { idsOf, layersOf, modelOf, textOf } from '../verbs/inputs.ts'
export { writeTensors } from '../verbs/tensors.ts'
export { type LoadLmOptions, loadLm } from './load.ts'
export { type OpenedModel, type OpenModelOptions, openModel } from './open-model.ts'
