/** Servers of caches. */
export { type KvSource, type ServeKvOptions, serveKv } from './server.ts'
export { makeThrottle, type Throttle } from './throttle.ts'
