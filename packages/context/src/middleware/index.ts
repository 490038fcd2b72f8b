export { type MiddlewareOptions, type PromptMiddleware, pithMiddleware, pithMiddlewareV3 } from './ai-sdk.ts'
export { type DocumentCompressorOptions, type LangChainDocument, PithDocumentCompressor } from './langchain.ts'
