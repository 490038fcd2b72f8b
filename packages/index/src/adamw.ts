/** AdamW over groups of parameters, of which only those with a gradient move. */

const FIRST = 0.9
const SECOND = 0.999
const SMALL = 1e-12

/** The state of AdamW (Loshchilov and Hutter, 2019) for one list of parameters. */
export class AdamW {
  readonly #first: Float64Array
  readonly #second: Float64Array
  readonly #group: number
  // Products of the decays, kept as such since powers may differ between engines.
  #firstLeft = 1
  #secondLeft = 1

  /** @param group  parameters that move together: a group without a gradient stays as it is */
  constructor(count: number, group: number = count) {
    this.#first = new Float64Array(count)
    this.#second = new Float64Array(count)
    this.#group = group
  }

  /**
   * Take a step, and leave the gradients at 0.
   *
   * @param pull  how far parameters without a gradient of their own would fall back, as a share of their distance from `home`
   */
  step(parameters: Float32Array, gradients: Float64Array, rate: number, pull = 0, home?: Float32Array): void {
    this.#firstLeft *= FIRST
    this.#secondLeft *= SECOND
    const firstScale = 1 / (1 - this.#firstLeft)
    const secondScale = 1 / (1 - this.#secondLeft)
    for (let start = 0; start < parameters.length; start += this.#group) {
      const end = Math.min(parameters.length, start + this.#group)
      if (!hasAny(gradients, start, end)) continue
      for (let i = start; i < end; i++) {
        const gradient = gradients[i] as number
        const first = FIRST * (this.#first[i] as number) + (1 - FIRST) * gradient
        const second = SECOND * (this.#second[i] as number) + (1 - SECOND) * gradient * gradient
        this.#first[i] = first
        this.#second[i] = second
        gradients[i] = 0
        const back =
          pull === 0 ? 0 : pull * ((parameters[i] as number) - (home === undefined ? 0 : (home[i] as number)))
        parameters[i] -= rate * ((first * firstScale) / (Math.sqrt(second * secondScale) + SMALL) + back)
      }
    }
  }
}

function hasAny(values: Float64Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (values[i] !== 0) return true
  return false
}
