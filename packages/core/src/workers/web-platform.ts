import { PithError } from '../errors.ts'
import type { ParentChannel, WorkerChannel, WorkerListener, WorkerMode } from './platform.ts'

interface WorkerScope {
  postMessage(message: unknown, transfer: Transferable[]): void
  addEventListener(type: 'message', listener: (event: MessageEvent) => void): void
  importScripts?: unknown
}

/** Start a Web Worker from a module's address, or take the one that the page makes (bundlers need to see the call). */
export function spawnWorker(from: URL | (() => Worker), mode: WorkerMode, listener: WorkerListener): WorkerChannel {
  if (mode === 'process') {
    throw new PithError('PITH_UNSUPPORTED', 'a browser has no child processes', { hint: 'Use the mode thread.' })
  }
  const worker = typeof from === 'function' ? from() : new Worker(from, { type: 'module' })
  worker.addEventListener('message', (event: MessageEvent) => listener.message(event.data))
  worker.addEventListener('messageerror', () => listener.failed(new Error('a message could not be read')))
  worker.addEventListener('error', (event: ErrorEvent) => {
    event.preventDefault()
    listener.failed(event.error ?? new Error(event.message || 'the worker did not load'))
  })
  return {
    post: (message, transfer) => worker.postMessage(message, [...transfer]),
    hold() {},
    async terminate() {
      worker.terminate()
    },
  }
}

/** The channel to the page, undefined outside of a worker. */
export function parentChannel(): ParentChannel | undefined {
  const scope = globalThis as unknown as WorkerScope
  // Documents lack it; module workers have it too, where calling it throws.
  if (typeof scope.importScripts !== 'function') return undefined
  return {
    post: (message, transfer) => scope.postMessage(message, [...transfer]),
    listen: (listener) => scope.addEventListener('message', (event) => listener(event.data)),
  }
}

/** Threads that the machine runs at once. */
export function hardwareThreads(): number {
  return navigator.hardwareConcurrency || 1
}
