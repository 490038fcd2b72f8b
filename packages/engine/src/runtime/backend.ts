/** What runs a model: onnxruntime, native in Node or as WebAssembly, behind one small face. */
import type { Spec, Tensor } from '../tensor.ts'

/** A model that is ready to run. */
export interface Session {
  readonly inputs: Readonly<Record<string, Spec>>
  readonly outputs: Readonly<Record<string, Spec>>
  /**
   * Run once.
   *
   * @param feeds a tensor for each input
   * @param into tensors that outputs are written to in place; what is not named comes back as a new tensor
   * @throws PithError `PITH_ARG`, `PITH_SHAPE`, `PITH_DTYPE` the tensors · `PITH_MODEL` · the reason of the abort
   */
  run(
    feeds: Readonly<Record<string, Tensor>>,
    into?: Readonly<Record<string, Tensor>>,
    options?: RunOptions,
  ): Promise<Record<string, Tensor>>
  dispose(): Promise<void>
}

/** How one run goes. */
export interface RunOptions {
  /**
   * Gives the run up. In a worker (`openWorkers`) it rejects at once; on the calling thread before the run begins or when it
   * is done, as nothing can interrupt it.
   */
  signal?: AbortSignal | undefined
}

/** How a session is made. */
export interface SessionOptions {
  /** Threads within one operator. Default 1. */
  threads?: number
  /** Parts of the model that stand in other files, by the name that the model gives them. */
  external?: Readonly<Record<string, Uint8Array>>
  /** Gives up the making, as far as {@link RunOptions} says. */
  signal?: AbortSignal | undefined
}

/** One way to run models. */
export interface Backend {
  readonly name: 'ort-node' | 'ort-web' | 'ort-webgpu'
  /** What a user should know about it, such as a fallback; printed by `pith doctor`. */
  readonly notes: readonly string[]
  /** @param model an ONNX file; not kept. @throws PithError `PITH_MODEL` */
  create(model: Uint8Array, options?: SessionOptions): Promise<Session>
}
