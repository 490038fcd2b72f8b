/** What a worker does with sessions. */
import type { TaskContext } from '@pith/core/workers'
import type { Spec } from '../tensor.ts'
import type { Backend, Session, SessionOptions } from './backend.ts'
import { loadRuntime, type RuntimeOptions } from './load.ts'
import { tensorsFromWire, tensorsToWire, type WireTensor } from './wire.ts'

/** A model that a worker opens a session of. */
export interface OpenRequest {
  readonly key: number
  readonly model: Uint8Array
  readonly options: SessionOptions
  readonly runtime: RuntimeOptions
}

/** Inputs and outputs of a session. */
export interface SessionSpecs {
  readonly inputs: Readonly<Record<string, Spec>>
  readonly outputs: Readonly<Record<string, Spec>>
}

/** One run. */
export interface RunRequest {
  readonly key: number
  readonly feeds: Readonly<Record<string, WireTensor>>
}

/** Sessions of this worker. A worker that takes the place of another begins without any. */
const SESSIONS: Map<number, Session> = /* @__PURE__ */ new Map()

/** What runs models in this worker. */
export async function describeRuntime(runtime: RuntimeOptions): Promise<Pick<Backend, 'name' | 'notes'>> {
  const { name, notes } = await loadRuntime(runtime)
  return { name, notes }
}

export async function openSession({ key, model, options, runtime }: OpenRequest): Promise<SessionSpecs> {
  const backend = await loadRuntime(runtime)
  // The native library takes no shared memory as a model.
  const external = Object.entries(options.external ?? {}).map(([name, bytes]) => [name, ownBytes(bytes)])
  const session = await backend.create(ownBytes(model), { ...options, external: Object.fromEntries(external) })
  await SESSIONS.get(key)?.dispose()
  SESSIONS.set(key, session)
  return { inputs: session.inputs, outputs: session.outputs }
}

/** @returns the outputs; undefined where this worker has no such session */
export async function runSession(
  { key, feeds }: RunRequest,
  context: TaskContext,
): Promise<Record<string, WireTensor> | undefined> {
  const session = SESSIONS.get(key)
  if (session === undefined) return undefined
  // Memory that the library made is not moved: it is copied.
  const { wire, movables } = tensorsToWire(await session.run(tensorsFromWire(feeds)))
  context.transfer(movables)
  return wire
}

export async function closeSession(key: number): Promise<void> {
  const session = SESSIONS.get(key)
  SESSIONS.delete(key)
  await session?.dispose()
}

/** Bytes in memory of this thread alone. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.buffer instanceof ArrayBuffer ? bytes : new Uint8Array(bytes)
}
