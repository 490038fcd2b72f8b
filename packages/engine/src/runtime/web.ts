/** onnxruntime as WebAssembly, for the browser, and for Node where the native library does not load. */
import { isPithError, PithError } from '@pith/core'
import type { Backend, Session, SessionOptions } from './backend.ts'
import { createOrtSession, type OrtModule, type OrtTraits } from './ort.ts'

const TRAITS: OrtTraits = { executionProviders: ['wasm'], writesFetches: false, isSerial: true }

/** How the WebAssembly module is loaded; what is given first holds for the whole page. */
export interface WebRuntimeOptions {
  /** Threads, where the page is isolated (COOP and COEP); else 1. Default 1. */
  threads?: number
  /** Folder that the .wasm files are served from. Default: beside the script. */
  wasmPaths?: string
  notes?: readonly string[]
}

/** Load the WebAssembly module. @throws PithError `PITH_CAPABILITY` it can not be loaded */
export async function loadWeb({ threads = 1, wasmPaths, notes = [] }: WebRuntimeOptions = {}): Promise<Backend> {
  const own = threadsHere(threads)
  try {
    const ort = await import('onnxruntime-web/wasm')
    ort.env.wasm.numThreads = own.threads
    ort.env.logLevel = 'error'
    if (wasmPaths !== undefined) ort.env.wasm.wasmPaths = wasmPaths
    return {
      name: 'ort-web',
      notes: [...notes, ...own.notes],
      create: (model, options = {}) => createWebSession(ort, TRAITS, model, options),
    }
  } catch (cause) {
    throw loadError(cause)
  }
}

/** Make a session; the module loads at the first. @throws PithError `PITH_CAPABILITY` it does not, `PITH_MODEL` */
export async function createWebSession(
  ort: OrtModule,
  traits: OrtTraits,
  model: Uint8Array,
  options: SessionOptions,
): Promise<Session> {
  try {
    return await createOrtSession(ort, traits, model, options)
  } catch (error) {
    throw isPithError(error) && error.message.includes('no available backend') ? loadError(error.cause) : error
  }
}

export function loadError(cause: unknown): PithError {
  return new PithError('PITH_CAPABILITY', 'onnxruntime-web can not be loaded', {
    cause,
    hint: 'Serve the files ort-wasm-*.wasm beside the script, or say where they are (wasmPaths).',
  })
}

/** The threads that a page may have of those that are asked for, with a note where they are fewer. */
export function threadsHere(
  threads: number,
  isIsolated: boolean = globalThis.crossOriginIsolated !== false,
): { threads: number; notes: readonly string[] } {
  if (threads <= 1 || isIsolated) return { threads, notes: [] }
  const note =
    `1 thread instead of ${threads}: the page is not isolated from other origins. Serve it with ` +
    'Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp'
  return { threads: 1, notes: [note] }
}
