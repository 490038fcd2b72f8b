/** What a system's acceptance is made of, and how its checks are judged. */

export interface AcceptContext {
  /** Command line that starts pith. */
  readonly pith: readonly string[]
  readonly cache: string
  /** Factor on the sizes of generated files; 1 when it counts. */
  readonly scale: number
  /** Tell one check of an answer, a size or a count: its name, whether it holds, the figure and its limit. */
  check(name: string, ok: boolean, figure: string): void
  /** As {@link check}, of a time or of memory: a machine that others use as well may excuse it. */
  checkCost(name: string, ok: boolean, figure: string): void
  /** Lines for people. */
  say(text: string): void
}

export interface Section {
  /** Whether it reads the folder of PITH_DATA. */
  readonly needsData: boolean
  /**
   * Sections of one lane run one after another in a process of their own, beside those of another lane. A section without
   * one measures time: it has the machine to itself, behind all lanes.
   */
  readonly lane?: string
  run(context: AcceptContext): Promise<void>
}

export interface Accept {
  readonly system: string
  readonly sections: Readonly<Record<string, Section>>
  /** Checks that are known to miss their target, with the reason. */
  readonly shortfalls: Readonly<Record<string, string>>
}

/** How the checks of a system are run and judged. */
export interface AcceptRun extends Pick<AcceptContext, 'pith' | 'cache' | 'scale'> {
  /** Sections to run; empty means all. */
  readonly only: ReadonlySet<string>
  readonly hasData: boolean
  /** Whether times and memory that miss their targets are told only. */
  readonly reportsTimings: boolean
  /** Whether the stack of an exception is printed. */
  readonly debug: boolean
  write(text: string): void
}

/** Run the sections of a system. An exception is a failed check, whatever its section measures. */
export async function runAccept(accept: Accept, run: AcceptRun): Promise<{ passed: number; failed: number }> {
  const counts = { passed: 0, failed: 0 }
  const tell = (name: string, ok: boolean, figure: string, excuse?: string): void => {
    if (ok) counts.passed++
    else if (excuse === undefined) counts.failed++
    run.write(`${ok ? 'pass ' : (excuse ?? 'FAIL ')} ${name}: ${figure}\n`)
  }
  const judge = (name: string, ok: boolean, figure: string, isCost: boolean): void => {
    const why = accept.shortfalls[name]
    if (why !== undefined) tell(name, ok, ok ? figure : `${figure}; ${why}`, 'short')
    else tell(name, ok, figure, isCost && run.reportsTimings ? 'slow ' : undefined)
  }
  for (const name of run.only) {
    if (!Object.hasOwn(accept.sections, name)) tell(`section ${name}`, false, `${accept.system} has none of this name`)
  }
  for (const [name, section] of Object.entries(accept.sections)) {
    if ((run.only.size > 0 && !run.only.has(name)) || (section.needsData && !run.hasData)) continue
    const from = performance.now()
    run.write(`# ${accept.system}: ${name}\n`)
    try {
      await section.run({
        pith: run.pith,
        cache: run.cache,
        scale: run.scale,
        check: (own, ok, figure) => judge(own, ok, figure, false),
        checkCost: (own, ok, figure) => judge(own, ok, figure, true),
        say: (text) => run.write(`${text.replace(/^/gm, '      ').trimEnd()}\n`),
      })
    } catch (error) {
      tell(name, false, `ended by ${error instanceof Error ? error.message : String(error)}`)
      if (error instanceof Error && run.debug) run.write(`${error.stack}\n`)
    }
    run.write(`      ${((performance.now() - from) / 1000).toFixed(0)} s\n`)
  }
  return counts
}

/** The check that a size or a count is at most a limit. */
export function atMost(context: AcceptContext, name: string, value: number, limit: number, digits = 3): void {
  context.check(name, value <= limit, `${value.toFixed(digits)} (at most ${limit})`)
}

/** The check that a time, memory or what is made of them is at most, or at least, a limit. */
export function costAtMost(context: AcceptContext, name: string, value: number, limit: number, digits = 2): void {
  context.checkCost(name, value <= limit, `${value.toFixed(digits)} (at most ${limit})`)
}

export function costAtLeast(context: AcceptContext, name: string, value: number, limit: number, digits = 2): void {
  context.checkCost(name, value >= limit, `${value.toFixed(digits)} (at least ${limit})`)
}
