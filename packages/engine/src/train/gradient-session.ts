/** A compiled session of a loss and its gradients: what a worker needs to run one, without what made it. */
import type { RunOptions, Session } from '../runtime/backend.ts'
import { sizeOf } from '../shape.ts'
import { type Params, type Spec, Tensor } from '../tensor.ts'

/** Cotangents of rows of a table, such as an embedding, which are added up here in their order. */
export interface RowOutput {
  readonly slot: string
  readonly indices: string
  readonly values: string
  /** Type and shape of the values. */
  readonly spec: Spec
}

/** How the outputs of a gradient session become gradients; plain data. */
export interface GradientPlan {
  /** Parameters whose gradients are written as a whole; those of others begin at zero. */
  readonly whole: readonly string[]
  readonly rows: readonly RowOutput[]
}

/** Where outputs go for some tensors of gradients. */
interface Target {
  readonly into: Readonly<Record<string, Tensor>>
  /** Gradients that are not written as a whole. */
  readonly cleared: readonly Float32Array[]
}

/** A session of a {@link GradientProgram}. */
export class GradientSession {
  readonly #session: Session
  readonly #plan: GradientPlan
  /** Tensors that rows of gradients are written to. */
  readonly #rows: Readonly<Record<string, Tensor>>
  /** Where outputs go for the tensors of gradients that were given before. */
  readonly #targets: WeakMap<Params, Target> = new WeakMap()

  constructor(session: Session, plan: GradientPlan) {
    this.#session = session
    this.#plan = plan
    this.#rows = Object.fromEntries(plan.rows.map(({ values, spec }) => [values, Tensor.zeros(spec.shape, spec.dtype)]))
  }

  /**
   * Run on one batch.
   *
   * @param grads  receives the gradients of this batch
   * @returns the loss, and values to look at as `aux.NAME`
   */
  async run(
    feeds: Readonly<Record<string, Tensor>>,
    grads: Params,
    options: RunOptions = {},
  ): Promise<Record<string, Tensor>> {
    const { into, cleared } = this.#target(grads)
    const outputs = await this.#session.run(feeds, into, options)
    for (const flat of cleared) flat.fill(0)
    for (const { slot, indices, values } of this.#plan.rows) {
      addRows(grads[slot] as Tensor, outputs[indices] as Tensor, outputs[values] as Tensor)
    }
    return Object.fromEntries(Object.entries(outputs).filter(([name]) => name === 'loss' || name.startsWith('aux.')))
  }

  dispose(): Promise<void> {
    return this.#session.dispose()
  }

  #target(grads: Params): Target {
    const known = this.#targets.get(grads)
    if (known !== undefined) return known
    const { whole } = this.#plan
    const own = whole.map((name): [string, Tensor] => [`grad.${name}`, grads[name] as Tensor])
    const others = Object.keys(grads).filter((name) => !whole.includes(name))
    const target = {
      into: { ...Object.fromEntries(own), ...this.#rows },
      cleared: others.map((name) => (grads[name] as Tensor).data as Float32Array),
    }
    this.#targets.set(grads, target)
    return target
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
