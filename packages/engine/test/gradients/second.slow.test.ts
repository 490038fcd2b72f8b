import { describe, expect, it } from 'vitest'
import { checkGradientCases, type GradientCase } from '../../src/autodiff/check.ts'
import { vjp } from '../../src/autodiff/vjp.ts'
import type { Value } from '../../src/ir/graph.ts'
import { Tensor } from '../../src/tensor.ts'
import { CASES } from './all-cases.ts'

/** Forms that differences say nothing of, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  ':ReduceL2 3': 'a length of one element has no second derivative, and what rounding leaves is no error',
  ':ReduceProd 1': 'the product of the others is not followed through an element that is zero',
  ':ReduceProd 2': 'the same',
}

/** The gradient of a case as a case of its own; cotangents are constants. */
function gradientOf({ name, f, inputs }: GradientCase): GradientCase {
  return {
    name: `the gradient of ${name}`,
    inputs,
    f: (...values) => {
      const results = [f(...values)].flat() as Value[]
      const floats = results.filter(({ dtype }) => dtype === 'f32')
      const weights = floats.map(({ graph, shape, size }, k) =>
        graph.constant(
          new Tensor(
            Float32Array.from({ length: size }, (_, i) => Math.sin(2 * i + 1 + k)),
            shape,
          ),
        ),
      )
      return vjp(
        floats,
        weights,
        values.filter(({ dtype }) => dtype === 'f32'),
      )
    },
  }
}

describe('gradients of gradients agree with finite differences', () => {
  for (const [name, cases] of Object.entries(CASES)) {
    it(`of ${name}`, async () => {
      const own = cases.filter((each) => LEFT_OUT[each.name] === undefined).map(gradientOf)
      const errors = await checkGradientCases(own, { tol: 1e-2 })
      expect(errors.length).toBeGreaterThan(0)
    })
  }
})
