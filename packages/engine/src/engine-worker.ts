/** One worker of the engine. */
import { createPool, type Pool, siblingUrl, type WorkerMode } from '@pith/core/workers'
import { isBrowser, type RuntimeOptions } from './runtime/load.ts'
import type { engineTasks } from './worker-tasks.ts'

/** A worker, as a pool of one: what is loaded in it stays with it, and a new one starts where it ended. */
export type EngineWorker = Pool<typeof engineTasks>

/** How a worker starts. */
export interface EngineWorkerOptions {
  /** Default `thread`. */
  mode?: WorkerMode
  /** Makes the Web Worker of `@pith/engine/worker` where a bundler must see it. */
  spawn?: () => Worker
  /** What runs models in it. Default: that of `loadRuntime()`. */
  runtime?: RuntimeOptions
}

/** Make a worker; it starts with its first call. @param isNative whether it runs the native library */
export function openWorker(
  { mode = 'thread', spawn, runtime = {} }: EngineWorkerOptions = {},
  isNative: boolean = !isBrowser() && runtime.prefer !== 'wasm',
): EngineWorker {
  return createPool<typeof engineTasks>({
    url: siblingUrl('worker', import.meta.url),
    tasks: async () => (await import('./worker-tasks.ts')).engineTasks,
    threads: 1,
    apart: true,
    mode,
    // To end a thread within the native library aborts the program.
    gentle: isNative,
    ...(spawn === undefined || !isBrowser() ? {} : { spawn }),
  })
}
