export { decodeBlock, encodeBlock } from './block.ts'
export { card as generalCard } from './card.ts'
export { type GeneralOptions, type GeneralReader, generalCodec } from './general.ts'
