/** A running average of the weights, which often generalises better than the last ones. */
import type { Params } from '../tensor.ts'
import { checkSetting } from './optimizer.ts'
import type { ParamStore } from './store.ts'

/** The average `decay * average + (1 - decay) * weights` of the weights of a store, which starts at them. */
export class Ema {
  readonly decay: number
  /** The averages, with the layout of the store. */
  readonly average: Float32Array
  /** Views of the averages, by name. */
  readonly params: Params
  readonly #weights: Float32Array

  /** @param decay in [0, 1). @throws PithError `PITH_ARG` */
  constructor(store: ParamStore, decay: number) {
    checkSetting('decay', decay, 0, 1)
    this.decay = decay
    this.average = Float32Array.from(store.weights)
    this.params = store.views(this.average)
    this.#weights = store.weights
  }

  /** Take the present weights in. */
  update(): void {
    move(this.average, this.#weights, 1 - this.decay)
  }
}

function move(average: Float32Array, weights: Float32Array, share: number): void {
  for (let i = 0; i < average.length; i++) {
    const old = average[i] as number
    average[i] = old + ((weights[i] as number) - old) * share
  }
}
