import { PithError } from '../errors.ts'
import { bindMemory } from './memory.ts'

/** Where a kernel runs: in WebAssembly, or as the TypeScript it was compiled from. */
export type KernelTarget = 'wasm' | 'twin'

/** A kernel in its two forms. */
export interface KernelSource<E> {
  /** The WebAssembly module in base64, from the generated `kernels.wasm.ts`. */
  wasm: string
  /** The namespace of the kernel's `index.ts`; functions that WebAssembly lacks are not offered. */
  twin: E
}

/** Where a kernel runs, and in how much memory. */
export interface KernelOptions {
  /** Default `auto`: WebAssembly, and the twin where the platform forbids it. */
  target?: KernelTarget | 'auto'
  /** Most bytes of memory, 65,536 to 2^31 - 65,536; default 1 GiB. */
  maxBytes?: number
}

/** A kernel module ready to be called. */
export interface Kernels<E> {
  readonly target: KernelTarget
  readonly exports: E
  readonly memory: KernelMemory
}

const PAGE = 65536
/** The first bytes stay free, so that 0 never is the address of something. */
const BASE = 1024
const DEFAULT_MAX_BYTES = 2 ** 30
const HIGHEST_MAX_BYTES = 2 ** 31 - PAGE

/**
 * Linear memory with a stack-like allocator. Views are taken anew after each growth: read them from here
 * (`memory.u8`), don't keep them across an `alloc`.
 */
export class KernelMemory {
  u8: Uint8Array<ArrayBuffer>
  i32: Int32Array<ArrayBuffer>
  /** The WebAssembly memory to import, undefined for the twin. */
  readonly wasm: WebAssembly.Memory | undefined
  /** Bytes that may be in use; may be changed between allocations, up to 2^31 - 65,536. */
  maxBytes: number
  #buffer: ArrayBuffer
  #top: number = BASE
  /** Bytes above it have never been handed out and are zero. */
  #clean: number = BASE

  constructor(target: KernelTarget, maxBytes: number = DEFAULT_MAX_BYTES) {
    if (!Number.isInteger(maxBytes) || maxBytes < PAGE || maxBytes > HIGHEST_MAX_BYTES) {
      throw new PithError('PITH_ARG', `maxBytes must be ${PAGE}..${HIGHEST_MAX_BYTES}, got ${maxBytes}`)
    }
    this.maxBytes = maxBytes
    this.wasm = target === 'wasm' ? new WebAssembly.Memory({ initial: 1 }) : undefined
    this.#buffer = this.wasm === undefined ? new ArrayBuffer(PAGE) : (this.wasm.buffer as ArrayBuffer)
    this.u8 = new Uint8Array(this.#buffer)
    this.i32 = new Int32Array(this.#buffer)
  }

  get buffer(): ArrayBuffer {
    return this.#buffer
  }

  /** Bytes in use. */
  get used(): number {
    return this.#top
  }

  /**
   * Take `bytes` zeroed bytes.
   *
   * @param align power of two, default 16
   * @returns the address, never 0
   * @throws PithError `PITH_LIMIT` more than `maxBytes`, or the platform has no more
   */
  alloc(bytes: number, align: number = 16): number {
    const clean = this.#clean
    const start = this.reserve(bytes, align)
    if (start < clean) this.u8.fill(0, start, Math.min(start + bytes, clean))
    return start
  }

  /** As {@link alloc}, but the bytes hold whatever stood there before: for what is written before it is read. */
  reserve(bytes: number, align: number = 16): number {
    const start = Math.ceil(this.#top / align) * align
    const end = start + bytes
    if (!(bytes >= 0) || end > this.maxBytes) {
      throw new PithError('PITH_LIMIT', `${bytes} bytes on top of ${this.#top} are more than ${this.maxBytes}`, {
        hint: 'Use smaller blocks, or allow more memory.',
      })
    }
    if (end > this.#buffer.byteLength) this.#grow(end)
    if (end > this.#clean) this.#clean = end
    this.#top = end
    return start
  }

  /** Copy `bytes` in; returns the address. */
  put(bytes: Uint8Array): number {
    const at = this.alloc(bytes.length)
    this.u8.set(bytes, at)
    return at
  }

  /** A copy of `length` bytes at `at`. */
  take(at: number, length: number): Uint8Array<ArrayBuffer> {
    return this.u8.slice(at, at + length)
  }

  /** The level to go back to with {@link release}. */
  mark(): number {
    return this.#top
  }

  /** Give back everything taken since `mark`. */
  release(mark: number): void {
    this.#top = mark
  }

  /** Give back everything; the memory stays with the instance. */
  reset(): void {
    this.#top = BASE
  }

  #grow(end: number): void {
    const have = this.#buffer.byteLength
    // Half as much again, so that many small requests don't copy the memory each time.
    const want = Math.min(Math.max(end, have + (have >> 1)), this.maxBytes)
    try {
      if (this.wasm !== undefined) {
        this.wasm.grow(Math.ceil((want - have) / PAGE))
        this.#buffer = this.wasm.buffer as ArrayBuffer
      } else {
        const larger = new ArrayBuffer(Math.ceil(want / PAGE) * PAGE)
        new Uint8Array(larger).set(this.u8)
        this.#buffer = larger
      }
    } catch (cause) {
      throw new PithError('PITH_LIMIT', `the platform has no memory for ${want} bytes`, {
        cause,
        hint: 'Use smaller blocks or fewer threads.',
      })
    }
    this.u8 = new Uint8Array(this.#buffer)
    this.i32 = new Int32Array(this.#buffer)
  }
}

const modules: Map<string, WebAssembly.Module> = /* @__PURE__ */ new Map()

/**
 * Make a kernel module callable, with memory of its own.
 *
 * @throws PithError `PITH_UNSUPPORTED` target `wasm` where the platform has no (synchronous) WebAssembly
 */
export function instantiateKernels<E extends object>(source: KernelSource<E>, options: KernelOptions = {}): Kernels<E> {
  const target = options.target ?? 'auto'
  if (target !== 'twin') {
    try {
      let module = modules.get(source.wasm)
      if (module === undefined) {
        module = new WebAssembly.Module(fromBase64(source.wasm))
        modules.set(source.wasm, module)
      }
      const memory = new KernelMemory('wasm', options.maxBytes)
      const instance = new WebAssembly.Instance(module, { env: { memory: memory.wasm! } })
      return { target: 'wasm', exports: instance.exports as unknown as E, memory }
    } catch (cause) {
      if (target === 'wasm') {
        throw new PithError('PITH_UNSUPPORTED', 'WebAssembly is not available here', {
          cause,
          hint: 'Use the target "twin".',
        })
      }
    }
  }
  return bindTwin(source.twin, options.maxBytes)
}

/**
 * Compile a module ahead, off the main thread where the platform does so, so that {@link instantiateKernels} finds it
 * ready. Does nothing where WebAssembly is forbidden.
 */
export async function prepareKernels(source: KernelSource<object>): Promise<void> {
  if (modules.has(source.wasm)) return
  try {
    modules.set(source.wasm, await WebAssembly.compile(fromBase64(source.wasm)))
  } catch {
    // instantiateKernels meets the same obstacle and falls back to the twin.
  }
}

/** The twin's functions with `memory` bound before each call, because all twins of a realm share one binding. */
function bindTwin<E extends object>(twin: E, maxBytes?: number): Kernels<E> {
  const memory = new KernelMemory('twin', maxBytes)
  const bound: Record<string, unknown> = {}
  for (const [name, member] of Object.entries(twin)) {
    if (typeof member !== 'function') continue
    bound[name] = (...args: number[]): unknown => {
      bindMemory(memory.buffer)
      return member(...args)
    }
  }
  return { target: 'twin', exports: bound as E, memory }
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}
