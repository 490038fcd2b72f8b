export { cmCheckBytes, cmCheckDecode, cmCheckEncode } from './cm-check.ts'
export { selfCheck } from './self-check.ts'
export { textBytes, textDecode, textEncode } from './text-model.ts'
