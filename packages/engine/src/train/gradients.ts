/** Losses with their gradients as programs, and where the gradients of an update are computed and added up. */
import { splitGrad } from '../autodiff/grad.ts'
import type { Value } from '../ir/graph.ts'
import type { ParamStore } from '../optim/store.ts'
import type { RunOptions } from '../runtime/backend.ts'
import type { Params, Tensor } from '../tensor.ts'
import type { GradientPlan, GradientSession, RowOutput } from './gradient-session.ts'

/** What a loss function gave. */
export interface LossProgram {
  readonly loss: Value
  readonly aux: Readonly<Record<string, Value>>
}

/** The outputs of a program by the names that they have in sessions. */
export function outputsOf({ loss, aux }: LossProgram): Record<string, Value> {
  return { loss, ...Object.fromEntries(Object.entries(aux).map(([name, value]) => [`aux.${name}`, value])) }
}

/** What gives a loss and its gradients: outputs to compile, and what their names mean. */
export interface GradientProgram {
  readonly outputs: Readonly<Record<string, Value>>
  readonly plan: GradientPlan
}

/**
 * The program of a loss and its gradients.
 *
 * @param trained  values of parameters by name
 * @param names  those that gradients are wanted of
 * @throws PithError `PITH_GRADIENT` an operator has no gradient
 */
export function planGradients(
  program: LossProgram,
  trained: Readonly<Record<string, Value>>,
  names: readonly string[],
): GradientProgram {
  const outputs = outputsOf(program)
  const gradients = splitGrad(
    program.loss,
    names.map((name) => trained[name] as Value),
  )
  const rows: RowOutput[] = []
  const whole: string[] = []
  for (const [i, slot] of names.entries()) {
    const { dense, rows: parts = [] } = gradients[i] ?? { dense: undefined }
    if (dense !== undefined) {
      outputs[`grad.${slot}`] = dense
      whole.push(slot)
    }
    for (const [part, { indices, values }] of parts.entries()) {
      const { dtype, shape } = values
      const row = { slot, indices: `places.${part}.${slot}`, values: `rows.${part}.${slot}`, spec: { dtype, shape } }
      outputs[row.indices] = indices
      outputs[row.values] = values
      rows.push(row)
    }
  }
  return { outputs, plan: { whole, rows } }
}

/** Where the gradients of an update are computed. */
export interface GradientSource {
  /**
   * The mean of the gradients of batches, which are added in their order.
   *
   * @param batches  inputs beside the parameters, taken one after the other
   * @returns the mean of the losses, and the outputs of the last batch
   */
  mean(
    batches: Iterable<Params>,
    options: RunOptions,
  ): Promise<{ readonly loss: number; readonly outputs: Readonly<Record<string, Tensor>> }>
  dispose(): Promise<void>
}

/** The mean of the gradients of an update's batches, which are added in order: the same bits wherever they were computed. */
export class GradientSum {
  readonly #store: ParamStore
  /** Where there are several batches. */
  readonly #sum: Float32Array | undefined
  readonly #count: number
  #loss = 0
  #added = 0

  constructor(store: ParamStore, count: number) {
    this.#store = store
    this.#count = count
    this.#sum = count > 1 ? store.zeros() : undefined
  }

  begin(): void {
    this.#loss = 0
    this.#added = 0
  }

  add(flat: Float32Array, outputs: Readonly<Record<string, Tensor>>): void {
    this.#loss += ((outputs['loss'] as Tensor).data[0] as number) / this.#count
    this.#added++
    if (this.#sum === undefined) return
    if (this.#added === 1) this.#sum.set(flat)
    else if (this.#added < this.#count) addTo(this.#sum, flat)
    else meanInto(this.#store.gradients, this.#sum, flat, 1 / this.#count)
  }

  /** The mean of the losses; the mean of the gradients is in the store. */
  get loss(): number {
    return this.#loss
  }
}

/** Gradients of one session. */
export class OwnGradients implements GradientSource {
  readonly #session: GradientSession
  readonly #store: ParamStore
  readonly #params: Params
  readonly #sum: GradientSum

  /** @param params  all of them, frozen ones included */
  constructor(session: GradientSession, store: ParamStore, params: Params, count: number) {
    this.#session = session
    this.#store = store
    this.#params = params
    this.#sum = new GradientSum(store, count)
  }

  async mean(
    batches: Iterable<Params>,
    options: RunOptions,
  ): Promise<{ loss: number; outputs: Readonly<Record<string, Tensor>> }> {
    let outputs: Record<string, Tensor> = {}
    this.#sum.begin()
    for (const batch of batches) {
      outputs = await this.#session.run({ ...this.#params, ...batch }, this.#store.grads, options)
      this.#sum.add(this.#store.gradients, outputs)
    }
    return { loss: this.#sum.loss, outputs }
  }

  dispose(): Promise<void> {
    return this.#session.dispose()
  }
}

function addTo(sum: Float32Array, flat: Float32Array): void {
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (flat[i] as number)
}

function meanInto(into: Float32Array, sum: Float32Array, flat: Float32Array, share: number): void {
  for (let i = 0; i < into.length; i++) into[i] = ((sum[i] as number) + (flat[i] as number)) * share
}
