import { PithError } from '../errors.ts'
import { instantiateKernels, type KernelSource, type Kernels } from './kernels.ts'

/**
 * Run the same calls on the WebAssembly module and on its twin, and compare what they return and all of their memory.
 * For tests.
 *
 * @param calls allocates, calls and returns whatever should be equal (compared as JSON)
 * @returns what `calls` returned
 * @throws PithError `PITH_INTERNAL` naming the first byte or result that differs
 */
export function compareTargets<E extends object, T>(source: KernelSource<E>, calls: (kernels: Kernels<E>) => T): T {
  const wasm = instantiateKernels(source, { target: 'wasm' })
  const twin = instantiateKernels(source, { target: 'twin' })
  const fromWasm = calls(wasm)
  const fromTwin = calls(twin)
  const left = JSON.stringify(fromWasm)
  const right = JSON.stringify(fromTwin)
  if (left !== right) throw new PithError('PITH_INTERNAL', `results differ: wasm ${left}, twin ${right}`)
  const used = wasm.memory.used
  if (used !== twin.memory.used) throw new PithError('PITH_INTERNAL', 'the two targets were given different memory')
  const a = wasm.memory.u8
  const b = twin.memory.u8
  for (let i = 0; i < used; i++) {
    if (a[i] !== b[i]) {
      throw new PithError('PITH_INTERNAL', `memory differs at ${i}: wasm ${a[i]}, twin ${b[i]}`)
    }
  }
  return fromWasm
}
