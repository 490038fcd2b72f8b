/** What a system's acceptance is made of. */

export interface AcceptContext {
  /** Command line that starts pith. */
  readonly pith: readonly string[]
  readonly cache: string
  /** Factor on the sizes of generated files; 1 when it counts. */
  readonly scale: number
  /** Tell one check: its name, whether it holds, the figure and its limit. */
  check(name: string, ok: boolean, figure: string): void
  /** Lines for people. */
  say(text: string): void
}

export interface Section {
  /** Whether it reads the folder of PITH_DATA. */
  readonly needsData: boolean
  run(context: AcceptContext): Promise<void>
}

export interface Accept {
  readonly system: string
  readonly sections: Readonly<Record<string, Section>>
  /** Sections, or single checks, whose figures are times or memory. */
  readonly timed: readonly string[]
  /** Checks that are known to miss their target, with the reason. */
  readonly shortfalls: Readonly<Record<string, string>>
}

/** The check that a figure is at most, or at least, a limit. */
export function atMost(context: AcceptContext, name: string, value: number, limit: number, digits = 3): void {
  context.check(name, value <= limit, `${value.toFixed(digits)} (at most ${limit})`)
}

export function atLeast(context: AcceptContext, name: string, value: number, limit: number, digits = 2): void {
  context.check(name, value >= limit, `${value.toFixed(digits)} (at least ${limit})`)
}
