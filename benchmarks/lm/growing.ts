/** What exporters make of a language model: the past goes in, past and present come out, copied at every token. */
import { compile, Graph, type Params, type Session, Tensor, type Value } from '@pith/engine'
import { type LmConfig, ropeTables } from '@pith/lm'

/** As far as a slice goes where it goes to the end. */
const END = 2 ** 31 - 1

/** The standard operators that PyTorch is exported to, in the order of its code; onnxruntime fuses what it knows. */
function growingGraph(config: LmConfig, params: Params): Record<string, Value> {
  const { layers, heads, kvHeads, headDim, hidden, vocab, normEps, tied } = config
  const graph = new Graph()
  const one = (op: string, inputs: readonly Value[], attrs = {}): Value => graph.emit(op, inputs, attrs)[0] as Value
  const number = (value: number): Value => graph.constant(new Tensor(Float32Array.of(value), []))
  const shaped = (x: Value, ...shape: number[]): Value => one('Reshape', [x, graph.ints(shape)])
  const own = (name: string): Tensor => params[name] as Tensor
  /** x times a matrix that stands as [inputs, outputs]. */
  const project = (x: Value, name: string): Value => one('MatMul', [x, graph.constant(transposed(own(name)))])
  const [cos, sin, causal] = [
    graph.input('cos', 'f32', [-1, headDim]),
    graph.input('sin', 'f32', [-1, headDim]),
    graph.input('causal', 'f32', [1, 1, -1, -1]),
  ]
  const part = (x: Value, from: number, to: number): Value =>
    one('Slice', [x, graph.ints([from]), graph.ints([to]), graph.ints([3])])
  const turned = (x: Value): Value => {
    const [first, second] = [part(x, 0, headDim / 2), part(x, headDim / 2, END)]
    const half = one('Concat', [one('Neg', [second]), first], { axis: -1 })
    return one('Add', [one('Mul', [x, cos]), one('Mul', [half, sin])])
  }
  const norm = (x: Value, name: string): Value => {
    const mean = one('ReduceMean', [one('Pow', [x, number(2)]), graph.ints([-1])], { keepdims: 1 })
    const root = one('Sqrt', [one('Add', [mean, number(normEps)])])
    return one('Mul', [one('Div', [x, root]), graph.constant(own(name))])
  }
  const byHead = (x: Value, count: number): Value =>
    one('Transpose', [shaped(x, 1, -1, count, headDim)], { perm: [0, 2, 1, 3] })
  /** Keys or values for each head of queries. */
  const repeated = (x: Value): Value => {
    if (heads === kvHeads) return x
    const wide = one('Unsqueeze', [x, graph.ints([2])])
    const shape = graph.ints([1, 1, heads / kvHeads, 1, 1])
    return shaped(one('Expand', [wide, shape]), 1, heads, -1, headDim)
  }
  const outputs: Record<string, Value> = {}
  const table = graph.constant(own('embed.tokens'))
  let x = one('Unsqueeze', [one('Gather', [table, graph.input('ids', 'i64', [-1])]), graph.ints([0])])
  for (let layer = 0; layer < layers; layer++) {
    const at = `blocks.${layer}`
    const normed = norm(x, `${at}.norm1.scale`)
    const q = turned(byHead(project(normed, `${at}.attn.wq`), heads))
    const k = turned(byHead(project(normed, `${at}.attn.wk`), kvHeads))
    const v = byHead(project(normed, `${at}.attn.wv`), kvHeads)
    const past = (name: string): Value => graph.input(`past${name}.${layer}`, 'f32', [1, kvHeads, -1, headDim])
    const keys = one('Concat', [past('K'), k], { axis: 2 })
    const values = one('Concat', [past('V'), v], { axis: 2 })
    outputs[`K.${layer}`] = keys
    outputs[`V.${layer}`] = values
    const scores = one('MatMul', [q, one('Transpose', [repeated(keys)], { perm: [0, 1, 3, 2] })])
    const scaled = one('Add', [one('Mul', [scores, number(1 / Math.sqrt(headDim))]), causal])
    const mixed = one('MatMul', [one('Softmax', [scaled], { axis: -1 }), repeated(values)])
    const heard = shaped(one('Transpose', [mixed], { perm: [0, 2, 1, 3] }), 1, -1, heads * headDim)
    x = one('Add', [x, project(heard, `${at}.attn.wo`)])
    const inner = norm(x, `${at}.norm2.scale`)
    const gate = project(inner, `${at}.mlp.wGate`)
    const active = one('Mul', [one('Mul', [gate, one('Sigmoid', [gate])]), project(inner, `${at}.mlp.wUp`)])
    x = one('Add', [x, project(active, `${at}.mlp.wDown`)])
  }
  const last = one('Slice', [norm(x, 'norm.scale'), graph.ints([-1]), graph.ints([END]), graph.ints([1])])
  outputs['logits'] = shaped(project(shaped(last, 1, hidden), tied ? 'embed.tokens' : 'head.w'), vocab)
  return outputs
}

function transposed({ data, shape }: Tensor): Tensor {
  const [rows = 0, columns = 0] = shape
  const from = data as Float32Array
  const out = new Float32Array(from.length)
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) out[column * rows + row] = from[row * columns + column] as number
  }
  return new Tensor(out, [columns, rows])
}

/** A session whose past is what the run before gave. */
export class GrowingModel {
  readonly #config: LmConfig
  readonly #session: Session
  readonly #tables: ReturnType<typeof ropeTables>
  #past: Record<string, Tensor> = {}
  #length = 0

  private constructor(config: LmConfig, session: Session) {
    this.#config = config
    this.#session = session
    this.#tables = ropeTables(config, config.ctx)
    this.clear()
  }

  static async open(config: LmConfig, params: Params): Promise<GrowingModel> {
    return new GrowingModel(config, await compile(growingGraph(config, params)))
  }

  clear(): void {
    const { layers, kvHeads, headDim } = this.#config
    this.#length = 0
    for (let layer = 0; layer < layers; layer++) {
      for (const name of ['K', 'V']) this.#past[`past${name}.${layer}`] = Tensor.zeros([1, kvHeads, 0, headDim])
    }
  }

  /** @returns f32[vocab], the logits of the next token */
  async read(ids: Int32Array): Promise<Float32Array> {
    const { layers, headDim } = this.#config
    const n = ids.length
    const from = this.#length
    // Both halves of a head turn by the same angles.
    const rows = ({ data }: Tensor): Tensor => {
      const half = headDim / 2
      const out = new Float32Array(n * headDim)
      for (let i = 0; i < n; i++) {
        const own = (data as Float32Array).subarray((from + i) * half, (from + i + 1) * half)
        out.set(own, i * headDim)
        out.set(own, i * headDim + half)
      }
      return new Tensor(out, [n, headDim])
    }
    const causal = new Float32Array(n * (from + n))
    for (let i = 0; i < n; i++) causal.fill(-1e30, i * (from + n) + from + i + 1, (i + 1) * (from + n))
    const results = await this.#session.run({
      ...this.#past,
      ids: new Tensor(BigInt64Array.from(ids, BigInt), [n]),
      cos: rows(this.#tables.cos),
      sin: rows(this.#tables.sin),
      causal: new Tensor(causal, [1, 1, n, from + n]),
    })
    for (let layer = 0; layer < layers; layer++) {
      for (const name of ['K', 'V']) this.#past[`past${name}.${layer}`] = results[`${name}.${layer}`] as Tensor
    }
    this.#length += n
    return (results['logits'] as Tensor).data as Float32Array
  }

  close(): Promise<void> {
    return this.#session.dispose()
  }
}
