/** The memory and kernels that one chunk is worked on with. */
import { instantiateKernels, type KernelMemory, type Kernels, type KernelTarget } from '@pith/core/wasm'
import * as twin from './kernels/index.ts'
import { WASM_BASE64 } from './kernels.wasm.ts'

export type LogKernels = typeof twin

/** Most bytes that a chunk may ever take. */
const MAX_BYTES = 2 ** 30

/** Kernels with their memory; one for each thread, used for one chunk after the other. */
export class Workspace {
  readonly kernels: LogKernels
  readonly memory: KernelMemory
  readonly #args: number
  #view: Float64Array<ArrayBuffer> = new Float64Array(0)
  readonly #floor: number

  constructor(target: KernelTarget | 'auto' = 'auto') {
    const { exports, memory }: Kernels<LogKernels> = instantiateKernels({ wasm: WASM_BASE64, twin }, { target })
    this.kernels = exports
    this.memory = memory
    this.#args = memory.alloc(128)
    this.#floor = memory.mark()
  }

  /** Forget everything of the chunk before. */
  reset(): void {
    this.memory.release(this.#floor)
  }

  /** Allow so many bytes for a chunk; as many as a platform has where it is left out. */
  limit(bytes: number = MAX_BYTES): void {
    this.memory.maxBytes = Math.min(bytes, MAX_BYTES)
  }

  /** Numbers as the argument block of a kernel that takes one. */
  args(...values: number[]): number {
    const view = this.memory.i32
    const at = this.#args >> 2
    for (let i = 0; i < values.length; i++) view[at + i] = values[i] as number
    return this.#args
  }

  /** An element of the argument block after the call. */
  arg(index: number): number {
    return this.memory.i32[(this.#args >> 2) + index] as number
  }

  /** Room for `count` numbers of 32 bits. */
  words(count: number): number {
    return this.memory.alloc(count * 4)
  }

  /** Room for `count` doubles. */
  doubles(count: number): number {
    return this.memory.alloc(count * 8)
  }

  /** The same, holding whatever stood there before. */
  scratchWords(count: number): number {
    return this.memory.reserve(count * 4)
  }

  scratchDoubles(count: number): number {
    return this.memory.reserve(count * 8)
  }

  word(at: number, index: number): number {
    return this.memory.i32[(at >> 2) + index] as number
  }

  putWord(at: number, index: number, value: number): void {
    this.memory.i32[(at >> 2) + index] = value
  }

  putDouble(at: number, index: number, value: number): void {
    this.#doubles()[(at >> 3) + index] = value
  }

  double(at: number, index: number): number {
    return this.#doubles()[(at >> 3) + index] as number
  }

  #doubles(): Float64Array<ArrayBuffer> {
    if (this.#view.buffer !== this.memory.buffer)
      this.#view = new Float64Array(this.memory.buffer, 0, this.memory.buffer.byteLength >> 3)
    return this.#view
  }
}
