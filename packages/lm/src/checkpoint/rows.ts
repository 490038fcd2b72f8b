/** Rows of query and key matrices in the two orders of rotary positions. */
import { Tensor } from '@pith/engine'

/**
 * From neighbouring pairs (2i, 2i + 1), as llama2.c and GGUF have them, to halves (i, i + headDim / 2), as Hugging Face and the
 * programs here have them. A vector of additions is reordered likewise.
 *
 * @param tensor f32[heads * headDim, ...]
 */
export function halvesFromPairs(tensor: Tensor, headDim: number): Tensor {
  return reordered(tensor, headDim, (i) => (i < headDim / 2 ? 2 * i : 2 * (i - headDim / 2) + 1))
}

/** The other way: from halves to neighbouring pairs. */
export function pairsFromHalves(tensor: Tensor, headDim: number): Tensor {
  return reordered(tensor, headDim, (i) => (i % 2 === 0 ? i / 2 : (i - 1) / 2 + headDim / 2))
}

/** Row `i` of each head of the result is row `from(i)` of that head. */
function reordered({ data, shape }: Tensor, headDim: number, from: (row: number) => number): Tensor {
  const source = data as Float32Array
  const rows = shape[0] as number
  const width = source.length / rows
  const out = new Float32Array(source.length)
  for (let row = 0; row < rows; row++) {
    const head = row - (row % headDim)
    const start = (head + from(row % headDim)) * width
    out.set(source.subarray(start, start + width), row * width)
  }
  return new Tensor(out, shape)
}
