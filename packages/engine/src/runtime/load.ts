/** Which onnxruntime runs the models: the native one in Node, WebAssembly in the browser and where the native one fails. */
import { isPithError } from '@pith/core'
import type { Backend } from './backend.ts'
import { loadNative } from './node.ts'
import { loadWeb, type WebRuntimeOptions } from './web.ts'

/** Which onnxruntime is loaded. */
export interface RuntimeOptions {
  /** What to try first. Default: `node` outside the browser, else `wasm`; `webgpu` only where it is asked for. */
  prefer?: 'node' | 'wasm' | 'webgpu'
  /** Threads of sessions that do not say so themselves, 1 or more. Default 1. */
  threads?: number
  /** Folder that the .wasm files are served from. */
  wasmPaths?: string
}

/** What loads each build of onnxruntime. */
export interface RuntimeLoaders {
  node(options: { threads?: number }): Promise<Backend>
  wasm(options: WebRuntimeOptions): Promise<Backend>
  webgpu(options: WebRuntimeOptions): Promise<Backend>
}

const LOADERS: RuntimeLoaders = {
  node: loadNative,
  wasm: loadWeb,
  webgpu: async (options) => (await import('./webgpu.ts')).loadWebgpu(options),
}

const LOADED: Map<string, Promise<Backend>> = /* @__PURE__ */ new Map()

/**
 * Load onnxruntime; equal options give the same backend.
 *
 * @returns the one that is preferred, or WebAssembly with a note that says why and what to do
 * @throws PithError `PITH_CAPABILITY` none can be loaded
 */
export function loadRuntime(options: RuntimeOptions = {}): Promise<Backend> {
  const prefer = options.prefer ?? (isBrowser() ? 'wasm' : 'node')
  const key = JSON.stringify([prefer, options.threads, options.wasmPaths])
  let loaded = LOADED.get(key)
  if (loaded === undefined) {
    loaded = chooseRuntime(LOADERS, { ...options, prefer })
    LOADED.set(key, loaded)
    // A load that failed may succeed later, such as after an installation.
    loaded.catch(() => LOADED.delete(key))
  }
  return loaded
}

/** The preferred backend, or WebAssembly with one note where it does not load. */
export async function chooseRuntime(
  loaders: RuntimeLoaders,
  { prefer, threads, wasmPaths }: RuntimeOptions & { prefer: 'node' | 'wasm' | 'webgpu' },
): Promise<Backend> {
  const own = threads === undefined ? {} : { threads }
  const web: WebRuntimeOptions = wasmPaths === undefined ? own : { ...own, wasmPaths }
  if (prefer !== 'node') return loaders[prefer](web)
  try {
    return await loaders.node(own)
  } catch (error) {
    if (!isPithError(error, 'PITH_CAPABILITY')) throw error
    const note = `${error.message}. Models run as WebAssembly, about three times slower. ${error.hint ?? ''}`
    return loaders.wasm({ ...web, notes: [note.trim()] })
  }
}

/** Whether this is a page or a worker of one. */
export function isBrowser(): boolean {
  return 'document' in globalThis || 'WorkerGlobalScope' in globalThis
}
