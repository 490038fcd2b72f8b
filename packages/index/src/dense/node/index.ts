/** Encoders in folders. */
export { openOnnxEncoderFolder } from './encoder-folder.ts'
