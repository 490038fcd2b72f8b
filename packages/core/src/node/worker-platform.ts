import type { ChildProcess } from 'node:child_process'
import { PithError } from '../errors.ts'
import type { ParentChannel, WorkerChannel, WorkerListener, WorkerMode } from '../workers/platform.ts'

/** Tells our workers from those of other code that loads the same module. */
const MARK = 'pith-worker'

// Node's modules load when a worker is wanted: `node:child_process` alone takes as long as the rest of a command's start.
const load = process.getBuiltinModule

/**
 * Heap of a worker: tasks work on arrays outside of it, and what a larger one holds is mostly garbage. V8 lets a heap of
 * 1 GB at most grow by half before it collects, any larger one to four times what is alive.
 */
const HEAP = { maxYoungGenerationSizeMb: 12, maxOldGenerationSizeMb: 1024 }

/** What a worker thread is told at its start. */
interface ThreadData {
  readonly mark: typeof MARK
  readonly busy?: Int32Array
}

/** Counts of the tasks of gentle threads: ending one within native code would end the program with an abort. */
const BUSY: Set<Int32Array> = /* @__PURE__ */ new Set()
/** A program that exits waits this long for all of them. */
const EXIT_MS = 60_000
let waitsAtExit = false

/** Start a worker thread or child process from a module's address; the program's end waits for the task of a gentle thread. */
export function spawnWorker(
  from: URL | (() => unknown),
  mode: WorkerMode,
  listener: WorkerListener,
  gentle = false,
): WorkerChannel {
  if (typeof from === 'function') {
    throw new PithError('PITH_ARG', 'on Node a worker starts from a URL', { hint: 'Give the option url.' })
  }
  return mode === 'process' ? spawnProcess(from, listener) : spawnThread(from, listener, gentle)
}

// Sources need the condition under which packages find each other's sources; built files inherit the program's flags.
function flagsFor(url: URL): string[] | undefined {
  return url.pathname.endsWith('.ts') ? ['--conditions=pith-dev'] : undefined
}

function spawnThread(url: URL, listener: WorkerListener, gentle: boolean): WorkerChannel {
  const { Worker } = load('node:worker_threads')
  const execArgv = flagsFor(url)
  const data: ThreadData = gentle ? { mark: MARK, busy: countBusy() } : { mark: MARK }
  const worker = new Worker(url, {
    workerData: data,
    resourceLimits: HEAP,
    ...(execArgv === undefined ? {} : { execArgv }),
  })
  worker.on('message', (message: unknown) => listener.message(message))
  worker.on('messageerror', (error: unknown) => listener.failed(error))
  worker.on('error', (error: unknown) => listener.failed(error))
  worker.on('exit', () => void (data.busy !== undefined && BUSY.delete(data.busy)))
  worker.on('exit', (code: number) => listener.failed(new Error(`the worker ended with code ${code}`)))
  return {
    post(message, transfer) {
      worker.postMessage(message, transfer as ArrayBuffer[])
      if (data.busy !== undefined) Atomics.add(data.busy, 0, 1)
    },
    hold: (alive) => (alive ? worker.ref() : worker.unref()),
    async terminate() {
      await worker.terminate()
    },
  }
}

function countBusy(): Int32Array {
  const busy = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT))
  BUSY.add(busy)
  if (!waitsAtExit) process.on('exit', awaitBusy)
  waitsAtExit = true
  return busy
}

function awaitBusy(): void {
  const until = performance.now() + EXIT_MS
  for (const busy of BUSY) {
    for (let count = Atomics.load(busy, 0); count > 0; count = Atomics.load(busy, 0)) {
      if (Atomics.wait(busy, 0, count, until - performance.now()) === 'timed-out') return
    }
  }
}

function spawnProcess(url: URL, listener: WorkerListener): WorkerChannel {
  const child: ChildProcess = load('node:child_process').fork(url, [MARK], {
    serialization: 'advanced',
    execArgv: flagsFor(url) ?? [],
    // Standard output belongs to the program's result.
    stdio: ['ignore', 2, 2, 'ipc'],
  })
  let ended = false
  const exited = new Promise<void>((resolve) => {
    child.once('exit', (code, signal) => {
      ended = true
      resolve()
      listener.failed(new Error(`the process ended with ${signal ?? `code ${code}`}`))
    })
    child.once('error', (error) => {
      ended = true
      resolve()
      listener.failed(error)
    })
  })
  child.on('message', (message: unknown) => listener.message(message))
  return {
    post(message) {
      child.send(message as object, (error) => {
        if (error !== null) listener.failed(error)
      })
    },
    hold(alive) {
      if (alive) {
        child.ref()
        child.channel?.ref()
      } else {
        child.unref()
        child.channel?.unref()
      }
    },
    async terminate() {
      if (ended) return
      // An idle one does not keep the program alive, but who waits for its end must hear of it.
      child.ref()
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** The channel to the program that started this worker, undefined elsewhere. */
export function parentChannel(): ParentChannel | undefined {
  const { parentPort: port, workerData } = load('node:worker_threads')
  const data = workerData as Partial<ThreadData> | null | undefined
  if (port !== null && data?.mark === MARK) {
    return {
      ...(data.busy === undefined ? {} : { busy: data.busy }),
      post: (message, transfer) => port.postMessage(message, transfer as ArrayBuffer[]),
      listen: (listener) => void port.on('message', listener),
    }
  }
  if (process.send !== undefined && process.argv[2] === MARK) {
    // Nobody is left to work for.
    process.once('disconnect', () => process.exit())
    return {
      post: (message) => void process.send?.(message),
      listen: (listener) => void process.on('message', listener),
    }
  }
  return undefined
}

/** Threads that the machine runs at once. */
export function hardwareThreads(): number {
  return load('node:os').availableParallelism()
}
