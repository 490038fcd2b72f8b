export { ChatCompressor, type ChatOptions, type ChatReport } from './chat-compressor.ts'
export { textsOfRequest } from './requests.ts'
export type { Json, SlotRole, TextSlot } from './slots.ts'
