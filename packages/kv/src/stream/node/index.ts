/** Servers of caches. */
export { EncoderHost } from './encoder-host.ts'
export type { EncoderFacts, EncoderSource } from './messages.ts'
export { type KvSource, type ServeKvOptions, serveKv } from './server.ts'
export { makeThrottle, type Throttle } from './throttle.ts'
