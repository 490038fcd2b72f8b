/** onnxruntime on WebGPU, for browsers that give an adapter; programs that it lacks operators for run as WebAssembly. */
import { isPithError, PithError } from '@pith/core'
import type { Value } from '../ir/graph.ts'
import { toModel } from '../onnx/export.ts'
import { fromModel, type ImportedModel } from '../onnx/import.ts'
import { readModel } from '../onnx/read.ts'
import { writeModel } from '../onnx/write.ts'
import { type Spec, Tensor } from '../tensor.ts'
import type { Backend, RunOptions, Session, SessionOptions } from './backend.ts'
import type { OrtModule, OrtTraits } from './ort.ts'
import { createWebSession, loadError, loadWeb, threadsHere, type WebRuntimeOptions } from './web.ts'
import { narrowNumbers } from './webgpu-narrow.ts'
import { forWebgpu } from './webgpu-program.ts'

const TRAITS: OrtTraits = { executionProviders: ['webgpu'], writesFetches: false, isSerial: true }

/** Where browsers have WebGPU. */
interface Gpu {
  requestAdapter(): Promise<object | null>
}

/**
 * Load onnxruntime for WebGPU. Where there is no adapter, and for models that have operators which it lacks, models run as
 * WebAssembly; `notes` says so.
 *
 * @throws PithError `PITH_CAPABILITY` neither can be loaded
 */
export async function loadWebgpu(options: WebRuntimeOptions = {}): Promise<Backend> {
  const reason = await lackOfAdapter()
  if (reason !== undefined) {
    const notes = [...(options.notes ?? []), `WebGPU is not used: ${reason}. Models run as WebAssembly`]
    return await loadWeb({ ...options, notes })
  }
  const notes = [...(options.notes ?? [])]
  let web: Promise<Backend> | undefined
  let ort: OrtModule
  try {
    const module = await import('onnxruntime-web/webgpu')
    module.env.wasm.numThreads = threadsHere(options.threads ?? 1).threads
    module.env.logLevel = 'error'
    if (options.wasmPaths !== undefined) module.env.wasm.wasmPaths = options.wasmPaths
    ort = tamed(module)
  } catch (cause) {
    throw loadError(cause)
  }
  const fallBack = async (model: Uint8Array, own: SessionOptions, why: string): Promise<Session> => {
    const note = `a model runs as WebAssembly: ${why}`
    if (!notes.includes(note)) notes.push(note)
    web ??= loadWeb(options)
    return await (await web).create(model, own)
  }
  return {
    name: 'ort-webgpu',
    notes,
    async create(model, own = {}) {
      let read: { session: Session; narrowed: ReadonlySet<string> } | string
      try {
        read = await createOnGpu(ort, model, own)
      } catch (error) {
        if (!isPithError(error)) throw error
        read = error.message
      }
      if (typeof read === 'string') return await fallBack(model, own, read)
      return read.narrowed.size === 0 ? read.session : new WideSession(read.session, read.narrowed)
    },
  }
}

/** A session on WebGPU, or why there is none. */
async function createOnGpu(
  ort: OrtModule,
  model: Uint8Array,
  options: SessionOptions,
): Promise<{ session: Session; narrowed: ReadonlySet<string> } | string> {
  const imported = importWhole(model)
  const { program, narrowed, missing } = forWebgpu(Object.values(imported.outputs))
  if (missing.length > 0) return `WebGPU lacks ${missing.join(', ')}`
  const names = Object.keys(imported.outputs)
  const outputs = Object.fromEntries(names.map((name, i) => [name, program.outputs[i] as Value]))
  const bytes = writeModel(toModel(program.graph, outputs, { domains: imported.domains }))
  return { session: await createWebSession(ort, TRAITS, bytes, options), narrowed }
}

/** A model whose weights are constants. */
function importWhole(model: Uint8Array): ImportedModel {
  return fromModel(readModel(model), { isParam: () => false, untie: false })
}

/** Why there is no adapter; undefined where there is one. */
async function lackOfAdapter(): Promise<string | undefined> {
  const gpu = (globalThis.navigator as { readonly gpu?: Gpu } | undefined)?.gpu
  if (gpu === undefined) return 'this host does not have it'
  try {
    return (await gpu.requestAdapter()) === null ? 'the browser gives no adapter' : undefined
  } catch (error) {
    return `the browser gives no adapter (${String(error).slice(0, 80)})`
  }
}

/**
 * The module, whose sessions fail rather than compute parts of a model on the processor, and take turns: a call that begins
 * while another one waits for the adapter damages the memory of both.
 */
function tamed({ InferenceSession, Tensor }: OrtModule): OrtModule {
  const extra = { session: { disable_cpu_ep_fallback: '1' } }
  let last: Promise<unknown> = Promise.resolve()
  const turn = <T>(call: () => Promise<T>): Promise<T> => {
    const next = last.then(call, call)
    last = next
    return next
  }
  const create = async (model: Uint8Array, options: object): Promise<object> => {
    const session = await turn(() => InferenceSession.create(model, { ...options, extra }))
    const { inputMetadata, outputMetadata } = session
    const run = (...call: Parameters<typeof session.run>): ReturnType<typeof session.run> =>
      turn(() => session.run(...call))
    return { inputMetadata, outputMetadata, run, release: () => turn(() => session.release()) }
  }
  return { InferenceSession: { create } as unknown as typeof InferenceSession, Tensor }
}

/** A session whose 64-bit integer inputs are 32-bit ones within. */
class WideSession implements Session {
  readonly inputs: Readonly<Record<string, Spec>>
  readonly outputs: Readonly<Record<string, Spec>>
  readonly #session: Session
  readonly #narrowed: ReadonlySet<string>

  constructor(session: Session, narrowed: ReadonlySet<string>) {
    const specs = Object.entries(session.inputs)
    this.inputs = Object.fromEntries(
      specs.map(([name, own]) => [name, narrowed.has(name) ? { ...own, dtype: 'i64' } : own]),
    )
    this.outputs = session.outputs
    this.#session = session
    this.#narrowed = narrowed
  }

  async run(
    feeds: Readonly<Record<string, Tensor>>,
    into?: Readonly<Record<string, Tensor>>,
    options?: RunOptions,
  ): Promise<Record<string, Tensor>> {
    const own = { ...feeds }
    for (const name of this.#narrowed) {
      const tensor = feeds[name]
      if (tensor === undefined) continue
      if (tensor.dtype !== 'i64') throw new PithError('PITH_DTYPE', `input ${name} must be i64, got ${tensor.dtype}`)
      const numbers = narrowNumbers(tensor.data as BigInt64Array)
      if (numbers === undefined) {
        throw new PithError('PITH_UNSUPPORTED', `input ${name} has integers of more than 32 bits`, {
          hint: 'WebGPU computes with 32 bits: run this model as WebAssembly.',
        })
      }
      own[name] = new Tensor(numbers, tensor.shape)
    }
    return await this.#session.run(own, into, options)
  }

  dispose(): Promise<void> {
    return this.#session.dispose()
  }
}
