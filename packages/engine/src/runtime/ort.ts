/** What the native and the WebAssembly build of onnxruntime share: tensors in and out, checks, errors, closing. */
import { abortable, PithError, throwIfAborted } from '@pith/core'
import type { InferenceSession, InferenceSessionFactory, Tensor as OrtTensor, TensorConstructor } from 'onnxruntime-web'
import type { Data, DType } from '../dtype.ts'
import { sameShape, shapeText, sizeOf } from '../shape.ts'
import { type Spec, specText, Tensor } from '../tensor.ts'
import type { RunOptions, Session, SessionOptions } from './backend.ts'

/** The part of onnxruntime's module that is used. */
export interface OrtModule {
  readonly InferenceSession: InferenceSessionFactory
  readonly Tensor: TensorConstructor
}

/** How a build of onnxruntime differs from the other. */
export interface OrtTraits {
  readonly executionProviders: readonly string[]
  /** Whether `run` writes to the tensors of `fetches` in place; the WebAssembly build leaves them as they were. */
  readonly writesFetches: boolean
  /** Whether a call must wait for the one before. */
  readonly isSerial: boolean
}

/** Types that pass the binding. Half precision does not: where `Float16Array` exists, the native one rejects it. */
const ORT_TYPES: Readonly<Partial<Record<DType, OrtTensor.Type>>> = {
  f32: 'float32',
  f64: 'float64',
  i8: 'int8',
  u8: 'uint8',
  i16: 'int16',
  u16: 'uint16',
  i32: 'int32',
  u32: 'uint32',
  i64: 'int64',
  u64: 'uint64',
  bool: 'bool',
  string: 'string',
}

const DTYPES: ReadonlyMap<string, DType> = /* @__PURE__ */ new Map(
  (Object.keys(ORT_TYPES) as DType[]).map((dtype) => [ORT_TYPES[dtype] as string, dtype]),
)

/** Longest part of a message of onnxruntime that is shown. */
const SHOWN = 300

/** Make a model ready to run. @throws PithError `PITH_MODEL`, `PITH_DTYPE` */
export async function createOrtSession(
  ort: OrtModule,
  traits: OrtTraits,
  model: Uint8Array,
  { threads = 1, external = {}, signal }: SessionOptions,
): Promise<Session> {
  throwIfAborted(signal)
  let session: InferenceSession
  try {
    session = await ort.InferenceSession.create(model, {
      executionProviders: [...traits.executionProviders],
      graphOptimizationLevel: 'all',
      executionMode: 'sequential',
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      enableMemPattern: true,
      // What fails is thrown: no copy of it on standard error.
      logSeverityLevel: 4,
      // Threads that wait for work in a loop take five times the processor time of the work, in small models.
      ...(threads > 1 ? { extra: { session: { intra_op: { allow_spinning: '0' } } } } : {}),
      externalData: Object.keys(external).map((path) => ({ path, data: external[path] as Uint8Array })),
    })
  } catch (error) {
    throw modelError('the model can not be loaded', error)
  }
  try {
    throwIfAborted(signal)
    return new OrtSession(ort, traits, session)
  } catch (error) {
    await session.release()
    throw error
  }
}

class OrtSession implements Session {
  readonly inputs: Readonly<Record<string, Spec>>
  readonly outputs: Readonly<Record<string, Spec>>
  readonly #ort: OrtModule
  readonly #traits: OrtTraits
  #session: InferenceSession | undefined
  /** Views of tensors that come again and again, such as parameters. */
  readonly #views: WeakMap<Tensor, OrtTensor> = new WeakMap()
  readonly #running: Set<Promise<unknown>> = new Set()
  #last: Promise<unknown> = Promise.resolve()

  constructor(ort: OrtModule, traits: OrtTraits, session: InferenceSession) {
    this.#ort = ort
    this.#traits = traits
    this.#session = session
    this.inputs = specsOf(session.inputMetadata, 'input')
    this.outputs = specsOf(session.outputMetadata, 'output')
  }

  async run(
    feeds: Readonly<Record<string, Tensor>>,
    into: Readonly<Record<string, Tensor>> = {},
    { signal }: RunOptions = {},
  ): Promise<Record<string, Tensor>> {
    throwIfAborted(signal)
    const session = this.#session
    if (session === undefined) throw new PithError('PITH_ARG', 'the session is closed')
    const own: Record<string, OrtTensor> = {}
    for (const name of Object.keys(this.inputs)) own[name] = this.#view(feeds[name], this.inputs, name, 'input')
    const fetches: Record<string, OrtTensor | null> = {}
    for (const name of Object.keys(this.outputs)) fetches[name] = null
    for (const name of Object.keys(into)) fetches[name] = this.#view(into[name], this.outputs, name, 'output')
    const call = async (): Promise<InferenceSession.ReturnType> => {
      throwIfAborted(signal)
      return await session.run(own, this.#traits.writesFetches ? fetches : Object.keys(fetches))
    }
    const run = this.#traits.isSerial ? this.#last.then(call, call) : call()
    this.#last = run
    this.#running.add(run)
    try {
      return this.#results(await abortable(run, signal), into)
    } catch (error) {
      throwIfAborted(signal)
      throw modelError('the model can not be run', error)
    } finally {
      // What was given up may still be at work.
      run.then(
        () => this.#running.delete(run),
        () => this.#running.delete(run),
      )
    }
  }

  async dispose(): Promise<void> {
    const session = this.#session
    this.#session = undefined
    if (session === undefined) return
    await Promise.allSettled(this.#running)
    await session.release()
  }

  #view(
    tensor: Tensor | undefined,
    specs: Readonly<Record<string, Spec>>,
    name: string,
    role: 'input' | 'output',
  ): OrtTensor {
    const wanted = specs[name]
    if (wanted === undefined) throw new PithError('PITH_ARG', `the model has no ${role} ${JSON.stringify(name)}`)
    if (tensor === undefined)
      throw new PithError('PITH_ARG', `there is no tensor for the input ${JSON.stringify(name)}`)
    if (tensor.dtype !== wanted.dtype) {
      throw new PithError('PITH_DTYPE', `${role} ${name} must be ${specText(wanted)}, got ${specText(tensor)}`)
    }
    if (!fits(tensor, wanted)) {
      throw new PithError('PITH_SHAPE', `${role} ${name} must be ${specText(wanted)}, got ${specText(tensor)}`)
    }
    const known = this.#views.get(tensor)
    if (known !== undefined) return known
    const type = ORT_TYPES[tensor.dtype] as OrtTensor.Type
    const view = new this.#ort.Tensor(type, tensor.data as OrtTensor.DataType, tensor.shape) as OrtTensor
    this.#views.set(tensor, view)
    return view
  }

  #results(outputs: InferenceSession.ReturnType, into: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
    const results: Record<string, Tensor> = {}
    for (const name of Object.keys(this.outputs)) {
      const output = outputs[name] as OrtTensor
      const target = into[name]
      if (target === undefined) {
        results[name] = new Tensor(output.data as Data, output.dims, (this.outputs[name] as Spec).dtype)
        continue
      }
      if (!this.#traits.writesFetches) copyInto(target, output, name)
      results[name] = target
    }
    return results
  }
}

function copyInto(target: Tensor, output: OrtTensor, name: string): void {
  if (!sameShape(target.shape, output.dims)) {
    throw new PithError(
      'PITH_SHAPE',
      `output ${name} is ${shapeText(output.dims)}, its place ${shapeText(target.shape)}`,
    )
  }
  if (ArrayBuffer.isView(target.data)) (target.data as Float32Array).set(output.data as Float32Array)
  else for (let i = 0; i < sizeOf(target.shape); i++) (target.data as string[])[i] = output.data[i] as string
}

/** Whether a tensor has the shape that a model asks for, where it does. */
function fits(tensor: Tensor, { shape }: Spec): boolean {
  return (
    tensor.shape.length === shape.length &&
    shape.every((length, axis) => length === -1 || length === tensor.shape[axis])
  )
}

function specsOf(metadata: readonly InferenceSession.ValueMetadata[], role: string): Record<string, Spec> {
  const specs: Record<string, Spec> = {}
  for (const value of metadata) {
    if (!value.isTensor) throw new PithError('PITH_UNSUPPORTED', `${role} ${value.name} is not a tensor`)
    const dtype = DTYPES.get(value.type)
    if (dtype === undefined) {
      throw new PithError('PITH_DTYPE', `${role} ${value.name} of type ${value.type} can not be passed`, {
        hint: 'Cast it within the graph: pass f32, and Cast to the type that is wanted.',
      })
    }
    specs[value.name] = { dtype, shape: value.shape.map((length) => (typeof length === 'number' ? length : -1)) }
  }
  return specs
}

/** What onnxruntime says, as an error of ours; names the node where the text does. */
function modelError(what: string, cause: unknown): unknown {
  if (cause instanceof PithError) return cause
  const text = cause instanceof Error ? cause.message : String(cause)
  const node = /[Nn]ode(?: with name)?[^']{0,80}'([^']+)'/.exec(text)?.[1]
  const isMemory = /bad[_ ]alloc|[Ff]ailed to allocate|out of memory/.test(text)
  const isMissing = /NOT_IMPLEMENTED|not a registered function|No Op registered/.test(text)
  return new PithError(isMemory ? 'PITH_LIMIT' : 'PITH_MODEL', `${what}: ${text.slice(0, SHOWN)}`, {
    cause,
    ...(node === undefined ? {} : { at: { node } }),
    ...(isMissing ? { hint: 'Replace the operator by others that onnxruntime has for this type and version.' } : {}),
  })
}
