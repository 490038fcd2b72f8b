import * as core from '@pith/core'
import * as workers from '@pith/core/workers'
import { codings } from './codings.ts'
import { tasks } from './tasks.ts'

const spawn = (): Worker => new Worker('./worker.js', { type: 'module' })

/** What a test may do in the page. */
export const inPage = {
  async mapThroughPool(count: number): Promise<number[]> {
    const pool = workers.createPool({ spawn, tasks, threads: 2 })
    const results: number[] = []
    const items = Array.from({ length: count }, (_, index) => index)
    for await (const n of workers.mapOrdered(items, (item) => pool.run('double', item), { concurrency: 3 })) {
      results.push(n)
    }
    await pool.close()
    return results
  },
  async failThroughPool(): Promise<object> {
    const pool = workers.createPool({ spawn, tasks, threads: 2 })
    const error: unknown = await pool.run('refuse', 7).catch((failure: unknown) => failure)
    await pool.close()
    if (!core.isPithError(error)) throw error
    return { code: error.code, message: error.message, hint: error.hint, at: error.at }
  },
  async abortPool(): Promise<string> {
    const abort = new AbortController()
    const pool = workers.createPool({ spawn, tasks, threads: 2, signal: abort.signal })
    await pool.run('double', 1)
    const call = pool.run('spin', 0)
    abort.abort('enough')
    return await call.then(String, String)
  },
  async missingWorker(): Promise<string> {
    const missing = (): Worker => new Worker('./none.js', { type: 'module' })
    const pool = workers.createPool({ spawn: missing, tasks, threads: 2 })
    const error: unknown = await pool.run('double', 1).catch((failure: unknown) => failure)
    await pool.close()
    return core.isPithError(error) ? error.code : String(error)
  },
  async readByHttp(path: string): Promise<object> {
    const source = await core.httpSource(new URL(path, location.href))
    const part = await source.read(1000, 10)
    return { size: source.size, part: [...part], requests: source.requests, bytes: source.bytes }
  },
  async readFile(): Promise<object> {
    const file = new File([new Uint8Array([1, 2, 3, 4])], 'app.log')
    const source = core.toSource(file)
    const head = [...(await source.head(2))]
    return { name: source.name, head, hash: core.fingerprint(await core.readAll(source)) }
  },
  /** Code bytes with the coders of this package. */
  coded(input: number[]): string[] {
    const bytes = Uint8Array.from(input)
    return codings(bytes).map(core.fingerprint)
  },
  bits(): string[] {
    const random = new core.Random(2024)
    return [...new BigUint64Array(Float64Array.from({ length: 64 }, () => random.normal()).buffer)].map(String)
  },
}

export type InPage = typeof inPage

Object.assign(globalThis, { inPage })
