export { card as generalCard } from './card.ts'
export { type GeneralOptions, type GeneralReader, generalCodec } from './general.ts'
