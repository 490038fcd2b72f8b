/** Sessions that live in workers: the caller stays free while they run, and a run can be given up. */
import { abortable, checkLimit, isPithError, type Limits, PithError, resolveLimits, throwIfAborted } from '@pith/core'
import { type EngineWorker, type EngineWorkerOptions, openWorker } from '../engine-worker.ts'
import { sameShape } from '../shape.ts'
import { type Spec, specText, type Tensor } from '../tensor.ts'
import type { Backend, RunOptions, Session, SessionOptions } from './backend.ts'
import type { OpenRequest, SessionSpecs } from './session-tasks.ts'
import { shareBytes, tensorsFromWire, tensorsToWire } from './wire.ts'

/** How sessions are put into workers. */
export interface WorkersOptions extends EngineWorkerOptions {
  /**
   * Workers, 1..64, each of which runs one thing at a time and has sessions of its own. Default 1.
   * With `mode: 'process'` they are child processes: giving up a run then frees the processor as well.
   */
  workers?: number
  /** `memoryBytes`: most bytes of models and parts of them that are kept, twice for each worker. */
  limits?: Partial<Limits>
}

/** What workers do at the moment. */
export interface WorkersStats {
  readonly workers: number
  readonly busy: number
  /** Calls that wait for a worker. */
  readonly waiting: number
  readonly sessions: number
}

/** A backend whose sessions run in workers. */
export interface WorkerBackend extends Backend {
  stats(): WorkersStats
  /** End the workers, and reject what waits or runs in them. */
  close(): Promise<void>
}

/** A worker, and the sessions that it was seen to have; it may have lost them by its end. */
interface Member {
  readonly worker: EngineWorker
  readonly sessions: Set<number>
  isBusy: boolean
}

/**
 * A backend whose sessions run in workers: pass it as `backend` to `compile`, `jit` or `compileTrainStep`. Tensors are copied
 * to the worker and back. A run that is given up rejects at once and another worker takes the next one. A thread finishes
 * the call of the native library that it is in, at the cost of a core (ending it there would abort the program); a process
 * is killed. A WebAssembly worker ends at once.
 *
 * @throws PithError `PITH_ARG` options · `PITH_CAPABILITY` no runtime loads in a worker
 */
export async function openWorkers(options: WorkersOptions = {}): Promise<WorkerBackend> {
  const { workers = 1, limits, ...own } = options
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= 64)) {
    throw new PithError('PITH_ARG', `workers must be an integer in 1..64, got ${workers}`)
  }
  const members = Array.from({ length: workers }, (): Member => {
    return { worker: openWorker(own), sessions: new Set(), isBusy: false }
  })
  const crew = new Crew(members, own, resolveLimits(limits ?? {}, 'unlimited'))
  try {
    const { name, notes } = await (members[0] as Member).worker.run('describeRuntime', own.runtime ?? {})
    return {
      name,
      notes,
      create: (model, sessionOptions) => crew.create(model, sessionOptions ?? {}),
      stats: () => crew.stats(),
      close: () => crew.close(),
    }
  } catch (error) {
    await crew.close()
    throw error
  }
}

/** The workers of a backend, and who waits for one. */
class Crew {
  readonly #members: readonly Member[]
  readonly #options: EngineWorkerOptions
  readonly #limits: Limits
  readonly #waiting: { give(member: Member): void }[] = []
  readonly #models: Map<number, OpenRequest> = new Map()
  #bytes = 0
  #serial = 0

  constructor(members: readonly Member[], options: EngineWorkerOptions, limits: Limits) {
    this.#members = members
    this.#options = options
    this.#limits = limits
  }

  async create(model: Uint8Array, { signal, external = {}, ...options }: SessionOptions): Promise<Session> {
    throwIfAborted(signal)
    const bytes = Object.values(external).reduce((sum, part) => sum + part.length, model.length)
    checkLimit(
      this.#limits,
      'memoryBytes',
      2 * this.#members.length * (this.#bytes + bytes),
      'the models of the workers',
    )
    const isShared = this.#options.mode !== 'process'
    const share = (part: Uint8Array): Uint8Array => shareBytes(part, isShared)
    const request: OpenRequest = {
      key: this.#serial++,
      model: share(model),
      options: {
        ...options,
        external: Object.fromEntries(Object.entries(external).map(([name, part]) => [name, share(part)])),
      },
      runtime: this.#options.runtime ?? {},
    }
    const specs = await this.#withMember(request.key, signal, (member) => open(member, request, signal))
    this.#models.set(request.key, request)
    this.#bytes += bytes
    return new WorkerSession(this, request.key, bytes, specs)
  }

  async run(
    key: number,
    feeds: Readonly<Record<string, Tensor>>,
    names: readonly string[],
    signal: AbortSignal | undefined,
  ): Promise<Record<string, Tensor>> {
    const request = this.#models.get(key)
    if (request === undefined) throw new PithError('PITH_ARG', 'the session is closed')
    return await this.#withMember(key, signal, async (member) => {
      for (;;) {
        if (!member.sessions.has(key)) await open(member, request, signal)
        const { wire, movables } = tensorsToWire(feeds, names)
        const outputs = await member.worker.run('runSession', { key, feeds: wire }, callOf(signal, movables))
        if (outputs !== undefined) return tensorsFromWire(outputs)
        // The worker is not the one that was asked to open it.
        member.sessions.clear()
      }
    })
  }

  async forget(key: number, bytes: number): Promise<void> {
    if (!this.#models.delete(key)) return
    this.#bytes -= bytes
    const closings = this.#members
      .filter(({ sessions }) => sessions.delete(key))
      .map(({ worker }) => worker.run('closeSession', key))
    // What a worker that ended had is gone anyway.
    await Promise.allSettled(closings)
  }

  stats(): WorkersStats {
    const busy = this.#members.filter(({ isBusy }) => isBusy).length
    return { workers: this.#members.length, busy, waiting: this.#waiting.length, sessions: this.#models.size }
  }

  async close(): Promise<void> {
    this.#models.clear()
    await Promise.all(this.#members.map(({ worker }) => worker.close()))
  }

  /** Work with a worker of one's own, one that has the session if it may be chosen. */
  async #withMember<T>(key: number, signal: AbortSignal | undefined, work: (member: Member) => Promise<T>): Promise<T> {
    throwIfAborted(signal)
    const idle = this.#members.filter(({ isBusy }) => !isBusy)
    const member = idle.find(({ sessions }) => sessions.has(key)) ?? idle[0] ?? (await this.#wait(signal))
    member.isBusy = true
    try {
      return await work(member)
    } catch (error) {
      // It has ended, and another one takes its place.
      if (signal?.aborted === true || isPithError(error, 'PITH_INTERNAL')) member.sessions.clear()
      throw error
    } finally {
      member.isBusy = false
      this.#waiting.shift()?.give(member)
    }
  }

  async #wait(signal: AbortSignal | undefined): Promise<Member> {
    const { promise, resolve } = Promise.withResolvers<Member>()
    const waiter = {
      give: (member: Member): void => {
        member.isBusy = true
        resolve(member)
      },
    }
    this.#waiting.push(waiter)
    try {
      return await abortable(promise, signal)
    } catch (error) {
      const at = this.#waiting.indexOf(waiter)
      if (at >= 0) this.#waiting.splice(at, 1)
      // Given in the same moment: it goes on to the next.
      else await promise.then((member) => this.#pass(member))
      throw error
    }
  }

  #pass(member: Member): void {
    member.isBusy = false
    this.#waiting.shift()?.give(member)
  }
}

class WorkerSession implements Session {
  readonly inputs: Readonly<Record<string, Spec>>
  readonly outputs: Readonly<Record<string, Spec>>
  readonly #crew: Crew
  readonly #key: number
  readonly #bytes: number
  readonly #running: Set<Promise<unknown>> = new Set()

  constructor(crew: Crew, key: number, bytes: number, { inputs, outputs }: SessionSpecs) {
    this.#crew = crew
    this.#key = key
    this.#bytes = bytes
    this.inputs = inputs
    this.outputs = outputs
  }

  async run(
    feeds: Readonly<Record<string, Tensor>>,
    into: Readonly<Record<string, Tensor>> = {},
    { signal }: RunOptions = {},
  ): Promise<Record<string, Tensor>> {
    for (const name of Object.keys(into)) {
      if (this.outputs[name] === undefined) {
        throw new PithError('PITH_ARG', `the model has no output ${JSON.stringify(name)}`)
      }
    }
    const run = this.#crew.run(this.#key, feeds, Object.keys(this.inputs), signal)
    this.#running.add(run)
    try {
      const results = await run
      for (const [name, target] of Object.entries(into)) {
        copyInto(target, results[name] as Tensor, name)
        results[name] = target
      }
      return results
    } finally {
      this.#running.delete(run)
    }
  }

  async dispose(): Promise<void> {
    await Promise.allSettled(this.#running)
    await this.#crew.forget(this.#key, this.#bytes)
  }
}

async function open(member: Member, request: OpenRequest, signal: AbortSignal | undefined): Promise<SessionSpecs> {
  const specs = await member.worker.run('openSession', request, callOf(signal))
  member.sessions.add(request.key)
  return specs
}

function callOf(
  signal: AbortSignal | undefined,
  transfer: readonly (ArrayBuffer | MessagePort)[] = [],
): { signal?: AbortSignal; transfer: readonly (ArrayBuffer | MessagePort)[] } {
  return signal === undefined ? { transfer } : { signal, transfer }
}

function copyInto(target: Tensor, result: Tensor, name: string): void {
  if (target.dtype !== result.dtype || !sameShape(target.shape, result.shape)) {
    const code = target.dtype === result.dtype ? 'PITH_SHAPE' : 'PITH_DTYPE'
    throw new PithError(code, `output ${name} is ${specText(result)}, its place ${specText(target)}`)
  }
  if (ArrayBuffer.isView(target.data)) (target.data as Float32Array).set(result.data as Float32Array)
  else for (let i = 0; i < target.data.length; i++) (target.data as string[])[i] = result.data[i] as string
}
