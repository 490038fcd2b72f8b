/** Models with random weights, for tests. */
import { Random } from '@pith/core'
import { type Params, Tensor } from '@pith/engine'
import { parameterShapes } from '../checkpoint/checkpoint.ts'
import type { LmConfig } from '../config.ts'

/** Random weights, none of which is at a special value. */
export function randomParams(config: LmConfig, seed: number): Params {
  const random = new Random(seed)
  const params: Params = {}
  for (const [name, shape] of parameterShapes(config)) {
    const size = shape.reduce((product, length) => product * length, 1)
    const base = name.endsWith('.scale') ? 1 : 0
    const spread = name === 'embed.tokens' ? 1 : 1 / Math.sqrt(shape.at(-1) as number)
    params[name] = new Tensor(
      Float32Array.from({ length: size }, () => base + spread * random.normal()),
      shape,
    )
  }
  return params
}
