/** Functions on values as functions on tensors. */
import { abortable, throwIfAborted } from '@pith/core'
import type { Value } from '../ir/graph.ts'
import type { RunOptions } from '../runtime/backend.ts'
import { type MadeSession, SessionCache } from '../runtime/cache.ts'
import { type CompileOptions, compile } from '../runtime/compile.ts'
import { estimateMemory } from '../runtime/memory.ts'
import { type Spec, specText, type Tensor } from '../tensor.ts'
import { type Traceable, trace } from './trace.ts'

/** How a function is compiled, and how many of its sessions are kept. */
export interface JitOptions extends Omit<CompileOptions, 'signal'> {
  /** Signatures whose sessions are kept, 1 or more. Default 16. */
  maxSessions?: number
}

/** A function on tensors that runs a traced one. */
export interface Jitted {
  /**
   * Run it; the first call with inputs of new types or shapes traces and compiles it.
   *
   * @param into tensors that outputs are written to in place
   */
  (
    inputs: Readonly<Record<string, Tensor>>,
    into?: Readonly<Record<string, Tensor>>,
    options?: RunOptions,
  ): Promise<Record<string, Tensor>>
  /** How often it was traced, and the sessions that are open. */
  stats(): { traces: number; sessions: number }
  /** Close its sessions, after the calls that run. A later call opens them anew. */
  dispose(): Promise<void>
}

/**
 * Make a function on tensors of one on values. It is traced once for each signature (names, types and shapes of the inputs),
 * and the sessions of the signatures used last are kept.
 *
 * @throws PithError `PITH_ARG` `maxSessions` below 1
 */
export function jit(f: Traceable, { maxSessions = 16, ...options }: JitOptions = {}): Jitted {
  const cache = new SessionCache({ maxSessions })
  let traces = 0
  const make = async (specs: Readonly<Record<string, Spec>>): Promise<MadeSession> => {
    traces++
    const { outputs } = trace(f, specs)
    const values: Value[] = Object.values(outputs)
    return { session: await compile(outputs, options), bytes: estimateMemory(values).total }
  }
  const call = async (
    inputs: Readonly<Record<string, Tensor>>,
    into?: Readonly<Record<string, Tensor>>,
    { signal }: RunOptions = {},
  ): Promise<Record<string, Tensor>> => {
    throwIfAborted(signal)
    const result = cache.use(
      signatureOf(inputs),
      // Others may wait for the same session: one that gives up does not end its making.
      () => make(inputs),
      (session) => session.run(inputs, into, { signal }),
    )
    return await abortable(result, signal)
  }
  return Object.assign(call, {
    stats: () => ({ traces, sessions: cache.stats().sessions }),
    dispose: () => cache.clear(),
  })
}

/** Names, types and shapes, in whichever order the inputs come. */
function signatureOf(inputs: Readonly<Record<string, Spec>>): string {
  const names = Object.keys(inputs).sort()
  return names.map((name) => `${JSON.stringify(name)}:${specText(inputs[name] as Spec)}`).join(',')
}
