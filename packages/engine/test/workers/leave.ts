/** A program that leaves while a worker is within the native library. */
import { compile, f32, openWorkers, ops, Tensor, trace } from '@pith/engine'

const { outputs } = trace(
  ({ x }) => {
    let y = x as NonNullable<typeof x>
    for (let i = 0; i < 30; i++) y = ops.matmul(y, x as NonNullable<typeof x>)
    return { y }
  },
  { x: f32(512, 512) },
)
const backend = await openWorkers()
const session = await compile(outputs, { backend })
session.run({ x: Tensor.zeros([512, 512]) }).catch(() => {})
// Long enough for the run to begin, and short of its end; either way the program has to end as it says.
setTimeout(() => process.exit(7), 40)
