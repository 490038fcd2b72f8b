/** onnxruntime as WebAssembly, for the browser, and for Node where the native library does not load. */
import { PithError } from '@pith/core'
import type { Backend, SessionOptions } from './backend.ts'
import { createOrtSession, type OrtTraits } from './ort.ts'

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
  try {
    const ort = await import('onnxruntime-web/wasm')
    ort.env.wasm.numThreads = threads
    ort.env.logLevel = 'error'
    if (wasmPaths !== undefined) ort.env.wasm.wasmPaths = wasmPaths
    return {
      name: 'ort-web',
      notes,
      create: (model: Uint8Array, options: SessionOptions = {}) => createOrtSession(ort, TRAITS, model, options),
    }
  } catch (cause) {
    throw new PithError('PITH_CAPABILITY', 'onnxruntime-web can not be loaded', {
      cause,
      hint: 'Serve the files ort-wasm-*.wasm and .mjs beside the script, or say where they are (wasmPaths).',
    })
  }
}
