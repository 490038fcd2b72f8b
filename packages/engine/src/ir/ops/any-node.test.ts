import { isPithError } from '@pith/core'
import { type Attr, allOps, type DType, Graph, Tensor, type Value } from '@pith/engine'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { foldNode } from '../passes/fold.ts'

const lengths = fc.oneof(fc.constantFrom(-1, 0, 1, 2, 3, 4, 2 ** 40), fc.integer({ min: 1, max: 8 }))
const small = fc.integer({ min: -3, max: 5 })
const extreme = fc.constantFrom(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 31)
const whole = fc.oneof({ weight: 9, arbitrary: small }, { weight: 1, arbitrary: extreme })

/** What an input is: left out, open with a shape, or a constant. */
const input = fc.oneof(
  fc.constant(undefined),
  fc.record({
    dtype: fc.constantFrom<DType>('f32', 'f32', 'f32', 'f16', 'u8', 'i32', 'i64', 'bool', 'string', 'i4'),
    shape: fc.array(lengths, { maxLength: 5 }),
  }),
  fc.record({ ints: fc.array(whole, { maxLength: 5 }), isScalar: fc.boolean() }),
  fc.record({ floats: fc.array(fc.double(), { maxLength: 5 }), isScalar: fc.boolean() }),
)

const NAMES =
  'axis axes perm keepdims to num_outputs kernel_shape pads strides dilations group auto_pad ceil_mode hidden_size equation blocksize output_padding output_shape num_heads kv_num_heads q_num_heads block_size K N bits start end allowzero batch_dims num_scan_inputs direction value mode onesided num_groups layout'.split(
    ' ',
  )
const attr: fc.Arbitrary<Attr> = fc.oneof(
  whole,
  fc.array(whole, { maxLength: 5 }),
  fc.constantFrom('SAME_UPPER', 'ij,jk->ik', '...i', 'reflect', 'bidirectional', ''),
  fc.double(),
)

it('any node of any operator has valid types and shapes, or is refused by a PithError', () => {
  const defs = allOps().filter(({ domain = '' }) => domain === '' || domain === 'com.microsoft')
  let made = 0
  const node = fc.record({
    def: fc.constantFrom(...defs),
    inputs: fc.array(input, { maxLength: 5 }),
    attrs: fc.dictionary(fc.constantFrom(...NAMES), attr, { maxKeys: 4 }),
    outputs: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
  })
  const check = fc.property(node, ({ def, inputs, attrs, outputs }) => {
    const graph = new Graph()
    try {
      const values = inputs.map((own, i): Value | undefined => {
        if (own === undefined) return undefined
        if ('shape' in own) return graph.input(`x${i}`, own.dtype, own.shape)
        const data = 'ints' in own ? BigInt64Array.from(own.ints, BigInt) : Float32Array.from(own.floats)
        if (own.isScalar && data.length > 0) return graph.constant(new Tensor(data.slice(0, 1), []))
        return graph.constant(new Tensor(data))
      })
      const options = { domain: def.domain ?? '', ...(outputs === undefined ? {} : { outputs }) }
      const results = graph.emit(def.name, values, attrs, options)
      for (const { shape } of results) expect(shape.every((length) => Number.isSafeInteger(length))).toBe(true)
      const folded = results[0]?.node && foldNode(results[0].node)
      for (const [i, { dtype, shape }] of (folded ?? []).entries()) {
        expect({ dtype, shape }).toEqual({ dtype: results[i]?.dtype, shape: results[i]?.shape })
      }
      made++
    } catch (error) {
      if (!isPithError(error)) throw error
    }
  })
  fc.assert(check, { numRuns: 20_000, seed: 4 })
  expect(made).toBeGreaterThan(200)
})
