/** Plain arrays, and results by definition: what the functions on values are compared with. */
/** A plain array with a shape: what results are computed with by definition. */
export interface Arr {
  shape: number[]
  data: number[]
}

/** An array from a function of the place. */
export function make(shape: number[], f: (place: number[]) => number): Arr {
  const data: number[] = []
  const place = shape.map(() => 0)
  const size = shape.reduce((a, b) => a * b, 1)
  for (let i = 0; i < size; i++) {
    data.push(f(place))
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place[axis] = (place[axis] as number) + 1
      if ((place[axis] as number) < (shape[axis] as number)) break
      place[axis] = 0
    }
  }
  return { shape, data }
}

/** The element at a place; axes of length 1 broadcast, and those that are missing in front. */
export function at({ shape, data }: Arr, place: number[]): number {
  const own = place.slice(place.length - shape.length)
  let offset = 0
  for (const [axis, length] of shape.entries()) offset = offset * length + (length === 1 ? 0 : (own[axis] as number))
  return data[offset] as number
}

export function map(a: Arr, f: (x: number) => number): Arr {
  return { shape: a.shape, data: a.data.map(f) }
}

export function both(a: Arr, b: Arr, f: (x: number, y: number) => number): Arr {
  const rank = Math.max(a.shape.length, b.shape.length)
  const length = (x: Arr, axis: number): number => x.shape[axis - rank + x.shape.length] ?? 1
  const shape = Array.from({ length: rank }, (_, axis) => Math.max(length(a, axis), length(b, axis)))
  return make(shape, (place) => f(at(a, place), at(b, place)))
}

/** Lists of elements along axes, each reduced to one number. */
export function reduce(a: Arr, axes: number[], f: (xs: number[]) => number, keep = false): Arr {
  const kept = a.shape.map((length, axis) => (axes.includes(axis) ? 1 : length))
  const out = make(kept, (place) => {
    const inner = make(
      a.shape.map((length, axis) => (axes.includes(axis) ? length : 1)),
      (own) =>
        at(
          a,
          own.map((p, axis) => (axes.includes(axis) ? p : (place[axis] as number))),
        ),
    )
    return f(inner.data)
  })
  return keep ? out : { shape: kept.filter((_, axis) => !axes.includes(axis)), data: out.data }
}

/** Einstein summation by loops over all letters. */
export function sumProducts(terms: string[], result: string, xs: Arr[]): Arr {
  const lengths = new Map<string, number>()
  for (const [i, term] of terms.entries()) {
    for (const [axis, letter] of [...term].entries()) {
      lengths.set(letter, Math.max(lengths.get(letter) ?? 1, xs[i]?.shape[axis] as number))
    }
  }
  const free = [...lengths.keys()].filter((letter) => !result.includes(letter))
  const inner = free.map((letter) => lengths.get(letter) as number)
  return make(
    [...result].map((letter) => lengths.get(letter) as number),
    (place) => {
      let total = 0
      make(inner, (own) => {
        const of = (letter: string): number =>
          (result.includes(letter) ? place[result.indexOf(letter)] : own[free.indexOf(letter)]) as number
        total += xs.reduce((product, x, i) => product * at(x, [...(terms[i] as string)].map(of)), 1)
        return 0
      })
      return total
    },
  )
}

export const sum = (xs: number[]): number => xs.reduce((a, b) => a + b, 0)
export const mean = (xs: number[]): number => sum(xs) / xs.length
export const spread = (xs: number[]): number => mean(xs.map((x) => (x - mean(xs)) ** 2))

/** The error function by its series. */
export function erf(x: number): number {
  let term = x
  let total = x
  for (let n = 1; n < 80; n++) {
    term *= (-x * x) / n
    total += term / (2 * n + 1)
  }
  return (2 / Math.sqrt(Math.PI)) * total
}

export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
