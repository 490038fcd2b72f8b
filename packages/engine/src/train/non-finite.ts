/** Where a number first stops being finite. */
import type { Value } from '../ir/graph.ts'
import { type CompileOptions, compile } from '../runtime/compile.ts'
import type { Params, Tensor } from '../tensor.ts'

/** Values that one session gives at a time. */
const CHUNK = 256

/** Name of the first tensor that holds a number which is not finite. */
export function firstNonFinite(tensors: Readonly<Record<string, Tensor>>): string | undefined {
  return Object.keys(tensors).find((name) => !isAllFinite(tensors[name] as Tensor))
}

/**
 * The first node, in order, whose result is not finite though nothing before it was.
 *
 * @returns its operator and name; undefined where all is finite
 */
export async function findNonFinite(
  loss: Value,
  feeds: Params,
  options: CompileOptions = {},
): Promise<string | undefined> {
  const nodes = loss.graph.live([loss]).filter((node) => node.outputs[0]?.dtype === 'f32')
  for (let start = 0; start < nodes.length; start += CHUNK) {
    const part = nodes.slice(start, start + CHUNK)
    const session = await compile(
      Object.fromEntries(part.map((node, i) => [`node.${i}`, node.outputs[0] as Value])),
      options,
    )
    try {
      const results = await session.run(feeds)
      const bad = part.findIndex((_node, i) => !isAllFinite(results[`node.${i}`] as Tensor))
      const node = part[bad]
      if (node !== undefined) return `${node.op} ${node.outputs[0]?.name ?? `number ${start + bad}`}`
    } finally {
      await session.dispose()
    }
  }
  return undefined
}

function isAllFinite({ dtype, data }: Tensor): boolean {
  if (dtype !== 'f32' && dtype !== 'f64') return true
  const numbers = data as Float32Array
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false
  return true
}
