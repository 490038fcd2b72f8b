/** Files of images on Node. */
export { decodeImage, type NodeImageOptions } from './images.ts'
