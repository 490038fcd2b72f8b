/** Terms near a term, over a vocabulary in order. */

/**
 * Edits between a word and others that come in order: letters put in, left out, replaced, or swapped with their neighbour (optimal
 * string alignment). What two words that follow each other begin with is computed once.
 */
export class EditDistance {
  readonly #word: string
  readonly #most: number
  /** Rows of the table, one for each letter of the last word. */
  readonly #rows: Uint8Array[] = []
  #last = ''
  /** Letters of the last word for which rows are known. */
  #known = 0
  /** Whether all words that begin with these letters are too far. */
  #dead = false

  /** @param most  edits beyond which nothing is told apart, 1..2 */
  constructor(word: string, most: number) {
    this.#word = word.slice(0, 200)
    this.#most = most
    this.#rows.push(Uint8Array.from({ length: this.#word.length + 1 }, (_, i) => i))
  }

  /** Edits to `other`, or `most + 1` if there are more. */
  to(other: string): number {
    const far = this.#most + 1
    let shared = 0
    while (shared < this.#known && this.#last.charCodeAt(shared) === other.charCodeAt(shared)) shared++
    this.#last = other
    if (this.#dead && shared === this.#known) return far
    this.#dead = false
    if (Math.abs(other.length - this.#word.length) > this.#most) {
      this.#known = shared
      return far
    }
    for (let i = shared; i < other.length; i++) {
      this.#known = i + 1
      if (this.#fill(other, i + 1) <= this.#most) continue
      this.#dead = true
      return far
    }
    this.#known = other.length
    return Math.min(far, this.#row(other.length)[this.#word.length] as number)
  }

  /** Compute a row; the least of it. */
  #fill(other: string, i: number): number {
    const word = this.#word
    const [above, own] = [this.#row(i - 1), this.#row(i)]
    const letter = other.charCodeAt(i - 1)
    own[0] = Math.min(i, 250)
    let least = own[0]
    for (let j = 1; j <= word.length; j++) {
      const same = word.charCodeAt(j - 1) === letter
      let edits = (above[j - 1] as number) + (same ? 0 : 1)
      edits = Math.min(edits, (above[j] as number) + 1, (own[j - 1] as number) + 1)
      const isSwap =
        i > 1 && j > 1 && word.charCodeAt(j - 2) === letter && word.charCodeAt(j - 1) === other.charCodeAt(i - 2)
      if (isSwap) edits = Math.min(edits, (this.#row(i - 2)[j - 2] as number) + 1)
      own[j] = edits
      if (edits < least) least = edits
    }
    return least
  }

  #row(i: number): Uint8Array {
    return (this.#rows[i] ??= new Uint8Array(this.#word.length + 1))
  }
}
