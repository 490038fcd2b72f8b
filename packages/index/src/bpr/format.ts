/** A layer in an index; docs/index-bpr.md has the layout. */
import { ByteReader, ByteWriter, PithError, type Run } from '@pith/core'
import type { SectionReader, SectionWriter } from '../sections.ts'
import type { BprLayer } from './layer.ts'

const MAX_DIM = 65528

/** Write a layer under `prefix`: dim and bits, then the bias and the weights as f32. @throws what the sections throw */
export async function writeBpr(layer: BprLayer, sections: SectionWriter, prefix: string): Promise<void> {
  const { dim, bits, weight, bias } = layer
  const out = new ByteWriter(8 + 4 * (bias.length + weight.length))
  out.u32(dim)
  out.u32(bits)
  for (const value of bias) out.f32(value)
  for (const value of weight) out.f32(value)
  await sections.write(`${prefix}.layer`, out.finish())
}

/** The layer that {@link writeBpr} wrote. @throws PithError `PITH_CORRUPT`; what the sections throw */
export async function openBpr(sections: SectionReader, prefix: string, run?: Run): Promise<BprLayer> {
  const bytes = await sections.read(`${prefix}.layer`, 0, undefined, run)
  const input = new ByteReader(bytes)
  const [dim, bits] = bytes.length < 8 ? [0, 0] : [input.u32(), input.u32()]
  if (!(dim >= 1 && dim <= MAX_DIM && bits >= 1 && bits <= dim && bytes.length === 8 + 4 * bits * (dim + 1))) {
    throw new PithError('PITH_CORRUPT', `a layer of ${dim} numbers and ${bits} bits in ${bytes.length} bytes`)
  }
  const floats = (count: number): Float32Array => {
    const values = new Float32Array(count)
    for (let i = 0; i < count; i++) {
      values[i] = input.f32()
      if (!Number.isFinite(values[i])) throw new PithError('PITH_CORRUPT', `number ${i} of a layer is ${values[i]}`)
    }
    return values
  }
  const bias = floats(bits)
  return { dim, bits, bias, weight: floats(dim * bits) }
}
