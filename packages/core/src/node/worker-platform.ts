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

/** Start a worker thread or child process from a module's address. */
export function spawnWorker(from: URL | (() => unknown), mode: WorkerMode, listener: WorkerListener): WorkerChannel {
  if (typeof from === 'function') {
    throw new PithError('PITH_ARG', 'on Node a worker starts from a URL', { hint: 'Give the option url.' })
  }
  return mode === 'process' ? spawnProcess(from, listener) : spawnThread(from, listener)
}

// Sources need the condition under which packages find each other's sources; built files inherit the program's flags.
function flagsFor(url: URL): string[] | undefined {
  return url.pathname.endsWith('.ts') ? ['--conditions=pith-dev'] : undefined
}

function spawnThread(url: URL, listener: WorkerListener): WorkerChannel {
  const { Worker } = load('node:worker_threads')
  const execArgv = flagsFor(url)
  const worker = new Worker(url, {
    workerData: MARK,
    resourceLimits: HEAP,
    ...(execArgv === undefined ? {} : { execArgv }),
  })
  worker.on('message', (message: unknown) => listener.message(message))
  worker.on('messageerror', (error: unknown) => listener.failed(error))
  worker.on('error', (error: unknown) => listener.failed(error))
  worker.on('exit', (code: number) => listener.failed(new Error(`the worker ended with code ${code}`)))
  return {
    post: (message, transfer) => worker.postMessage(message, transfer as ArrayBuffer[]),
    hold: (alive) => (alive ? worker.ref() : worker.unref()),
    async terminate() {
      await worker.terminate()
    },
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
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** The channel to the program that started this worker, undefined elsewhere. */
export function parentChannel(): ParentChannel | undefined {
  const { parentPort: port, workerData } = load('node:worker_threads')
  if (port !== null && workerData === MARK) {
    return {
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
