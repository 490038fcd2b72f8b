import { hardwareThreads, spawnWorker } from '#worker-platform'
import { onAbort, throwIfAborted } from '../cancel.ts'
import { isPithError, PithError } from '../errors.ts'
import { errorFromWire, isResponse } from './messages.ts'
import type { Movable, WorkerChannel, WorkerListener, WorkerMode } from './platform.ts'
import { runTask, type Tasks } from './tasks.ts'

/** How a pool is made. */
export interface PoolOptions<T extends Tasks> {
  /** The worker's entry module, which calls `serveTasks` with the same tasks; see {@link siblingUrl}. */
  url?: URL
  /** Makes a Web Worker where a bundler must see `new Worker(new URL(...))`; used instead of `url` in browsers. */
  spawn?: () => Worker
  /** The tasks themselves, or how to load them: with one thread they run here and no worker starts. */
  tasks: T | (() => Promise<T>)
  /** Workers at most, 1..256; default as many as the machine runs at once. They start when first needed. */
  threads?: number
  /** Default `thread`. With `process` a single thread is a child process too, so that a kill frees the CPU. */
  mode?: WorkerMode
  /** With one thread, still start a worker, so that the calling thread can answer while a task runs. Default false. */
  apart?: boolean
  /**
   * A worker thread that is given up ends behind its task, not within it. For native code that takes the whole program with
   * it when its thread is ended, as onnxruntime does: the caller is free at once, the processor is not. Default false.
   */
  gentle?: boolean
  /** Ends all workers and rejects what waits or runs, with its reason. */
  signal?: AbortSignal
}

/** How one task is called. */
export interface CallOptions {
  /** Move these with the payload instead of copying them; they are lost to the caller unless the pool runs inline. */
  transfer?: readonly Movable[]
  /** Gives this call up: its worker is ended and another one takes its place when needed. */
  signal?: AbortSignal
}

/** Runs tasks on workers. */
export interface Pool<T extends Tasks> {
  readonly threads: number
  /** Whether tasks run on the calling thread. */
  readonly inline: boolean
  /**
   * Run one task. Calls beyond the number of threads wait in order.
   *
   * @throws PithError what the task threw, with code, hint and place · `PITH_INTERNAL` it threw something else, or its
   * worker died; the abort reason
   */
  run<K extends keyof T & string>(
    task: K,
    payload: Parameters<T[K]>[0],
    options?: CallOptions,
  ): Promise<Awaited<ReturnType<T[K]>>>
  /** End all workers; what waits or runs is rejected. After an abort it waits {@link GRACE_MS} at most. */
  close(): Promise<void>
}

/** A worker that is within a native call ends behind it: nobody who gave up waits longer than this for it. */
const GRACE_MS = 100

/** Workers that were told to end and have not yet. */
let ending = 0

/** How many workers of all pools were told to end and are still within a call; a program that exits waits for them. */
export function workersEnding(): number {
  return ending
}

interface Call {
  task: string
  payload: unknown
  transfer: readonly Movable[]
  resolve(result: unknown): void
  reject(error: unknown): void
}

interface Member {
  channel: WorkerChannel
  call: Call | undefined
  gone: boolean
  /** Tells who waits for the end of its task. */
  rested: (() => void) | undefined
}

/**
 * Address of the module `name` beside the calling one, with the caller's own ending: `.ts` in development, `.js` once built.
 *
 * @example createPool({ url: siblingUrl('worker', import.meta.url), tasks })
 */
export function siblingUrl(name: string, importMetaUrl: string): URL {
  return new URL(`./${name}${/\.ts(?:[?#]|$)/.test(importMetaUrl) ? '.ts' : '.js'}`, importMetaUrl)
}

/** Make a pool of workers; nothing starts before the first call. */
export function createPool<T extends Tasks>(options: PoolOptions<T>): Pool<T> {
  const { mode = 'thread', apart = false, gentle = false, signal } = options
  const threads = options.threads ?? hardwareThreads()
  if (!(Number.isInteger(threads) && threads >= 1 && threads <= 256)) {
    throw new PithError('PITH_ARG', `threads must be an integer in 1..256, got ${threads}`)
  }
  const from = options.spawn ?? options.url
  const inline = from === undefined || (threads === 1 && mode === 'thread' && !apart)
  const engine = inline ? inlineEngine(options.tasks) : workerEngine(from, mode, threads, gentle && mode === 'thread')
  let closed: { reason: unknown } | undefined
  const calls = new Set<(reason: unknown) => void>()
  const close = async (reason: unknown): Promise<void> => {
    closed ??= { reason }
    release()
    for (const reject of [...calls]) reject(closed.reason)
    const ended = engine.close()
    await (signal?.aborted === true ? Promise.race([ended, afterGrace()]) : ended)
  }
  // An abort cannot wait for the workers' end; a later `close` does.
  const release = onAbort(signal, (reason) => queueMicrotask(() => void close(reason)))
  const run = async (task: string, payload: unknown, callOptions: CallOptions = {}): Promise<unknown> => {
    throwIfAborted(signal)
    throwIfAborted(callOptions.signal)
    if (closed !== undefined) throw closed.reason
    return await new Promise<unknown>((resolve, reject) => {
      const settle =
        <V>(end: (value: V) => void): ((value: V) => void) =>
        (value) => {
          calls.delete(call.reject)
          forget()
          end(value)
        }
      const call: Call = {
        task,
        payload,
        transfer: callOptions.transfer ?? [],
        resolve: settle(resolve),
        reject: settle(reject),
      }
      const forget = onAbort(callOptions.signal, (reason) => {
        call.reject(reason)
        engine.drop(call)
      })
      calls.add(call.reject)
      engine.start(call)
    })
  }
  return {
    threads,
    inline,
    run: run as Pool<T>['run'],
    close: () => close(new PithError('PITH_ARG', 'the pool is closed')),
  }
}

interface Engine {
  start(call: Call): void
  /** Forget a call that nobody waits for any more. */
  drop(call: Call): void
  close(): Promise<void>
}

function inlineEngine(tasks: Tasks | (() => Promise<Tasks>)): Engine {
  let table: Promise<Tasks> | undefined
  return {
    start(call) {
      table ??= typeof tasks === 'function' ? tasks() : Promise.resolve(tasks)
      table
        .then((loaded) => runTask(loaded, call.task, call.payload, { transfer() {} }))
        .then(call.resolve, (error: unknown) => call.reject(isPithError(error) ? error : internal(error)))
    },
    drop() {},
    async close() {},
  }
}

function workerEngine(from: URL | (() => Worker), mode: WorkerMode, threads: number, gentle: boolean): Engine {
  const members = new Set<Member>()
  const waiting: Call[] = []
  let serial = 0
  let closed = false

  const remove = (member: Member): Promise<void> => {
    member.gone = true
    members.delete(member)
    ending++
    const rested =
      gentle && member.call !== undefined
        ? new Promise<void>((resolve) => {
            member.rested = resolve
          })
        : Promise.resolve()
    return rested.then(() => member.channel.terminate()).finally(() => ending--)
  }
  const give = (member: Member, call: Call): void => {
    member.call = call
    member.channel.hold(true)
    try {
      member.channel.post({ pith: 'task', id: serial++, task: call.task, payload: call.payload }, call.transfer)
    } catch (cause) {
      call.reject(new PithError('PITH_ARG', `the payload of ${call.task} cannot be sent to a worker`, { cause }))
      rest(member)
    }
  }
  const rest = (member: Member): void => {
    member.call = undefined
    const next = waiting.shift()
    if (next !== undefined) give(member, next)
    else member.channel.hold(false)
  }
  const spawn = (): Member => {
    const member: Member = { channel: undefined as never, call: undefined, gone: false, rested: undefined }
    const listener: WorkerListener = {
      message(message) {
        if (!isResponse(message)) return
        if (member.gone) {
          member.rested?.()
          return
        }
        const call = member.call
        if (message.pith === 'result') call?.resolve(message.result)
        else call?.reject(errorFromWire(message.error))
        rest(member)
      },
      failed(error) {
        if (member.gone) {
          member.rested?.()
          return
        }
        const { call } = member
        // It is gone already: nothing to wait for.
        member.call = undefined
        void remove(member)
        call?.reject(internal(error))
        refill()
      },
    }
    member.channel = spawnWorker(from, mode, listener, gentle)
    members.add(member)
    return member
  }
  const refill = (): void => {
    while (!closed && waiting.length > 0 && members.size < threads) {
      const call = waiting.shift()
      if (call !== undefined) startOn(call)
    }
  }
  const startOn = (call: Call): void => {
    try {
      give(spawn(), call)
    } catch (error) {
      call.reject(isPithError(error) ? error : internal(error))
    }
  }
  return {
    start(call) {
      for (const member of members) if (member.call === undefined) return give(member, call)
      if (members.size < threads) startOn(call)
      else waiting.push(call)
    },
    drop(call) {
      const at = waiting.indexOf(call)
      if (at >= 0) waiting.splice(at, 1)
      for (const member of members) if (member.call === call) void remove(member)
      refill()
    },
    async close() {
      closed = true
      waiting.length = 0
      await Promise.all([...members].map(remove))
    },
  }
}

function afterGrace(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, GRACE_MS))
}

function internal(error: unknown): PithError {
  const message = error instanceof Error ? error.message : String(error)
  return new PithError('PITH_INTERNAL', `a worker failed: ${message}`, {
    hint: 'This is a defect of pith: please report it with the command that you ran.',
    cause: error,
  })
}
