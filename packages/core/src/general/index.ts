export { type GeneralOptions, type GeneralReader, generalCodec } from './general.ts'
