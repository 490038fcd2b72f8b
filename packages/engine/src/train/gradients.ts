/** A session that gives a loss and writes its gradients to a store. */
import { splitGrad } from '../autodiff/grad.ts'
import type { Value } from '../ir/graph.ts'
import type { ParamStore } from '../optim/store.ts'
import type { Session } from '../runtime/backend.ts'
import { type CompileOptions, compile } from '../runtime/compile.ts'
import { sizeOf } from '../shape.ts'
import { Tensor } from '../tensor.ts'

/** What a loss function gave. */
export interface LossProgram {
  readonly loss: Value
  readonly aux: Readonly<Record<string, Value>>
}

/** Cotangents of rows of a table, such as an embedding, which are added up here in their order. */
interface RowOutput {
  readonly slot: string
  readonly indices: string
  readonly values: string
}

/** The outputs of a program by the names that they have in sessions. */
export function outputsOf({ loss, aux }: LossProgram): Record<string, Value> {
  return { loss, ...Object.fromEntries(Object.entries(aux).map(([name, value]) => [`aux.${name}`, value])) }
}

/** The loss and gradients of a program. */
export class GradientSession {
  readonly #session: Session
  readonly #store: ParamStore
  /** Tensors that gradients are written to in place. */
  readonly #into: Record<string, Tensor> = {}
  readonly #rows: RowOutput[] = []
  /** Parameters whose gradient is not written as a whole. */
  readonly #cleared: Float32Array[] = []

  /**
   * @param trained  values of the parameters of the store, by name
   * @throws PithError `PITH_GRADIENT` an operator has no gradient
   */
  static async open(
    program: LossProgram,
    trained: Readonly<Record<string, Value>>,
    store: ParamStore,
    options: CompileOptions,
  ): Promise<GradientSession> {
    const outputs = outputsOf(program)
    const names = store.slots.map((slot) => slot.name)
    const gradients = splitGrad(
      program.loss,
      names.map((name) => trained[name] as Value),
    )
    const rows: RowOutput[] = []
    const whole = new Set<string>()
    for (const [i, slot] of names.entries()) {
      const { dense, rows: parts = [] } = gradients[i] ?? { dense: undefined }
      if (dense !== undefined) {
        outputs[`grad.${slot}`] = dense
        whole.add(slot)
      }
      for (const [part, { indices, values }] of parts.entries()) {
        const row = { slot, indices: `places.${part}.${slot}`, values: `rows.${part}.${slot}` }
        outputs[row.indices] = indices
        outputs[row.values] = values
        rows.push(row)
      }
    }
    return new GradientSession(await compile(outputs, options), store, whole, rows, outputs)
  }

  private constructor(
    session: Session,
    store: ParamStore,
    whole: ReadonlySet<string>,
    rows: readonly RowOutput[],
    outputs: Readonly<Record<string, Value>>,
  ) {
    this.#session = session
    this.#store = store
    for (const [name, tensor] of Object.entries(store.grads)) {
      if (whole.has(name)) this.#into[`grad.${name}`] = tensor
      else this.#cleared.push(tensor.data as Float32Array)
    }
    for (const row of rows) {
      this.#rows.push(row)
      const { dtype, shape } = outputs[row.values] as Value
      this.#into[row.values] = Tensor.zeros(shape, dtype)
    }
  }

  /** Run on one batch: the gradients of the store are those of this batch. @returns the other outputs */
  async run(feeds: Readonly<Record<string, Tensor>>): Promise<Record<string, Tensor>> {
    const outputs = await this.#session.run(feeds, this.#into)
    for (const slot of this.#cleared) slot.fill(0)
    for (const { slot, indices, values } of this.#rows) {
      addRows(this.#store.grads[slot] as Tensor, outputs[indices] as Tensor, outputs[values] as Tensor)
    }
    return outputs
  }

  dispose(): Promise<void> {
    return this.#session.dispose()
  }
}

/** Add rows to those of a table in their order; places below 0 count from the end. */
function addRows(table: Tensor, indices: Tensor, values: Tensor): void {
  const [rows = 0, ...row] = table.shape
  const width = sizeOf(row)
  const places = indices.data as BigInt64Array | Int32Array
  for (let i = 0; i < places.length; i++) {
    const place = Number(places[i])
    addRow(
      table.data as Float32Array,
      (place < 0 ? place + rows : place) * width,
      values.data as Float32Array,
      i * width,
      width,
    )
  }
}

function addRow(into: Float32Array, at: number, from: Float32Array, start: number, width: number): void {
  for (let i = 0; i < width; i++) into[at + i] = (into[at + i] as number) + (from[start + i] as number)
}
