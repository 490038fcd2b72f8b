/** The line of the engine in `pith doctor`. */
import { isPithError, type RoomCheck } from '@pith/core'
import { add } from '../array/elementwise.ts'
import { Graph } from '../ir/graph.ts'
import { compile } from '../runtime/compile.ts'
import { loadRuntime } from '../runtime/load.ts'
import { Tensor } from '../tensor.ts'

/** Which onnxruntime loads, whether it computes, and what to do where it is not the native one. */
export async function checkRuntime(): Promise<RoomCheck[]> {
  try {
    const backend = await loadRuntime()
    const graph = new Graph()
    const x = graph.input('x', 'f32', [2])
    const session = await compile({ y: add(x, 1) }, { backend })
    const { y } = await session.run({ x: new Tensor(Float32Array.of(1, 2)) })
    await session.dispose()
    const ok = y?.data.join() === '2,3'
    const name = backend.name === 'ort-node' ? 'onnxruntime, native' : 'onnxruntime, WebAssembly'
    const says = [ok ? name : `${name}, gives wrong results`, ...backend.notes].join('; ')
    return [{ name: 'engine', ok, says }]
  } catch (error) {
    const hint = isPithError(error) && error.hint !== undefined ? `. ${error.hint}` : ''
    return [{ name: 'engine', ok: false, says: `${error instanceof Error ? error.message : String(error)}${hint}` }]
  }
}
