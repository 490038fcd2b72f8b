/** Small language models: their sizes, weights, tokenizers and arithmetic. */
export { checkConfig, type LmConfig } from './config.ts'
export { hiddenStates, logitsOf } from './model/network.ts'
export { type RopeTables, ropeTables } from './model/rope.ts'
export { readLlama2cTokenizer, type Tokenizer } from './tokenizer/llama2c.ts'
