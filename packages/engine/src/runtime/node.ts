/** onnxruntime as a native library, for Node. */
import { PithError } from '@pith/core'
import type { Backend, SessionOptions } from './backend.ts'
import { createOrtSession, type OrtModule, type OrtTraits } from './ort.ts'

const TRAITS: OrtTraits = { executionProviders: ['cpu'], writesFetches: true, isSerial: false }

/** Named at run time only, so that bundles for the browser do not look for the native library. */
const NATIVE: string = 'onnxruntime-node'

/**
 * Load the native library.
 *
 * @param module its name, or the address of another build
 * @throws PithError `PITH_CAPABILITY` it is not installed or does not fit this system
 */
export async function loadNative({ threads }: { threads?: number } = {}, module: string = NATIVE): Promise<Backend> {
  let ort: OrtModule
  try {
    ort = pickModule(await import(/* @vite-ignore */ /* webpackIgnore: true */ module))
  } catch (cause) {
    throw new PithError('PITH_CAPABILITY', `onnxruntime-node can not be loaded: ${reasonOf(cause)}`, {
      cause,
      hint: 'Run: ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node',
    })
  }
  return {
    name: 'ort-node',
    notes: [],
    create: (model: Uint8Array, options: SessionOptions = {}) =>
      createOrtSession(ort, TRAITS, model, threads === undefined ? options : { threads, ...options }),
  }
}

/** CommonJS modules come with their exports as the default. */
function pickModule(module: OrtModule & { readonly default?: OrtModule }): OrtModule {
  return module.InferenceSession === undefined && module.default !== undefined ? module.default : module
}

function reasonOf(cause: unknown): string {
  const text = cause instanceof Error ? cause.message : String(cause)
  return (text.split('\n')[0] as string).slice(0, 160)
}
