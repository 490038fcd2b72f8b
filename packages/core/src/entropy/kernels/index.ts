export { cmBytes, cmInit } from './cm.ts'
export { selfCheck } from './self-check.ts'
export { textBytes, textDecode, textEncode } from './text-model.ts'
