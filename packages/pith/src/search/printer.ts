import type { Output } from '@pith/core'

/** Bytes that are gathered before they go to the output. */
const GATHER = 1 << 17
const LINE_END = 10
const COLON = 58
const DASH = 45

export interface PrinterOptions {
  /** Name before each line. */
  readonly label?: string | undefined
  readonly numbers: boolean
  /** Where groups of lines that do not follow on each other are divided by `--`: what all files of a call share. */
  readonly groups?: { used: boolean } | undefined
}

/** Prints the lines of one file, with name, number and dividers, in large writes. Line numbers count from 0. */
export class LinePrinter {
  readonly #output: Output
  readonly #numbers: boolean
  readonly #groups: { used: boolean } | undefined
  readonly #label: Uint8Array | undefined
  #buffer: Uint8Array = new Uint8Array(GATHER)
  #held = 0
  /** The line after the last one that was printed, -1 before the first. */
  #next = -1

  constructor(output: Output, options: PrinterOptions) {
    this.#output = output
    this.#numbers = options.numbers
    this.#groups = options.groups
    this.#label = options.label === undefined ? undefined : new TextEncoder().encode(options.label)
  }

  /** The line after the last one printed, or counted as printed; 0 before the first. */
  get next(): number {
    return Math.max(0, this.#next)
  }

  /** Whether lines are printed as they are, so that many can be given at once. */
  get plain(): boolean {
    return !this.#numbers && this.#label === undefined && this.#groups === undefined
  }

  /** Print a line, `bytes[start, end)` without its end. `context` says that it stands beside a match only. */
  line(number: number, bytes: Uint8Array, start: number, end: number, context: boolean): void {
    this.#divide(number)
    this.#prefix(number, context ? DASH : COLON)
    this.#append(bytes, start, end)
    this.#byte(LINE_END)
  }

  /** Print the parts of a line that matched, each on a line of its own. `spans` holds pairs of places in `bytes`. */
  parts(number: number, bytes: Uint8Array, spans: Int32Array, context = false): void {
    this.#divide(number)
    for (let i = 0; i + 1 < spans.length; i += 2) {
      this.#prefix(number, context ? DASH : COLON)
      this.#append(bytes, spans[i]!, spans[i + 1]!)
      this.#byte(LINE_END)
    }
  }

  /** Count a line as printed without printing it. */
  passOver(number: number): void {
    this.#divide(number)
  }

  /** Print whole lines, with their ends, as they are. */
  whole(bytes: Uint8Array): void {
    this.#append(bytes, 0, bytes.length)
    if (bytes.length > 0 && bytes[bytes.length - 1] !== LINE_END) this.#byte(LINE_END)
  }

  /** Pass on what was gathered, if that is much; call it between batches. */
  async drain(all = false): Promise<void> {
    if (this.#held === 0 || (!all && this.#held < GATHER / 2)) return
    const held = this.#buffer.subarray(0, this.#held)
    this.#held = 0
    await this.#output.write(held)
    if (this.#buffer.length > 8 * GATHER) this.#buffer = new Uint8Array(GATHER)
  }

  #divide(number: number): void {
    const groups = this.#groups
    if (groups !== undefined) {
      if (groups.used && number !== this.#next) {
        this.#byte(DASH)
        this.#byte(DASH)
        this.#byte(LINE_END)
      }
      groups.used = true
    }
    this.#next = number + 1
  }

  #prefix(number: number, mark: number): void {
    if (this.#label !== undefined) {
      this.#append(this.#label, 0, this.#label.length)
      this.#byte(mark)
    }
    if (!this.#numbers) return
    const digits = String(number + 1)
    this.#reserve(digits.length + 1)
    for (let i = 0; i < digits.length; i++) this.#buffer[this.#held++] = digits.charCodeAt(i)
    this.#buffer[this.#held++] = mark
  }

  #byte(byte: number): void {
    this.#reserve(1)
    this.#buffer[this.#held++] = byte
  }

  #append(bytes: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start)
    this.#buffer.set(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end), this.#held)
    this.#held += end - start
  }

  #reserve(length: number): void {
    if (this.#held + length <= this.#buffer.length) return
    const grown = new Uint8Array(Math.max(this.#held + length, 2 * this.#buffer.length))
    grown.set(this.#buffer.subarray(0, this.#held))
    this.#buffer = grown
  }
}
