/** Caches sent chunk by chunk: which level of each, on a link whose bandwidth changes. */
export { delayController, expectedSpeed, fixedController, paperController, planController } from './controllers.ts'
export type { Choice, ChunkPlan, Controller, StreamCosts, StreamPlan, StreamState } from './plan.ts'
export { bytesOf, simulateStream, type VirtualLink } from './simulate.ts'
export { type GiveUp, type Link, runStream, type StreamOptions, type StreamReport, type Transfer } from './stream.ts'
export { arrivalOf, carriedUntil, makeTrace, readTraces, type Trace, type TraceRecord } from './trace.ts'
