/** How many tests passed and failed, read from what the steps of a run leave behind. */

/** Numbers of tests or checks. */
export interface Count {
  readonly passed: number
  readonly failed: number
}

const CLOSING = /^(\d+) passed, (\d+) failed$/gm

/** The sum of two counts. */
export function add(a: Count, b: Count): Count {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed }
}

/** A step that counts as one. */
export function countCheck(ok: boolean): Count {
  return ok ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
}

/** A count in which a step that ended badly, or that ran nothing, has at least one failure. */
function withStatus(count: Count, ok: boolean): Count {
  const bad = !ok || count.passed + count.failed === 0
  return bad && count.failed === 0 ? { passed: count.passed, failed: 1 } : count
}

/**
 * Count a Vitest run.
 *
 * @param report  text of its JSON report; undefined where it wrote none
 * @param ok      whether it exited with 0
 * @returns passed and failed tests; a file that failed to load is one failure
 */
export function countVitest(report: string | undefined, ok: boolean): Count {
  if (report === undefined) return { passed: 0, failed: 1 }
  let parsed: { testResults?: { status?: string; assertionResults?: { status?: string }[] }[] }
  try {
    parsed = JSON.parse(report)
  } catch {
    return { passed: 0, failed: 1 }
  }
  let count: Count = { passed: 0, failed: 0 }
  for (const file of parsed.testResults ?? []) {
    const tests = file.assertionResults ?? []
    const passed = tests.filter((test) => test.status === 'passed').length
    // A test that was not run is not good news here: nothing may be skipped.
    const failed = tests.length - passed
    count = add(count, { passed, failed: file.status === 'failed' && failed === 0 ? 1 : failed })
  }
  return withStatus(count, ok)
}

/** Count a step by the last line of the form `N passed, N failed` in its output. */
export function countClosingLine(ok: boolean, output: string): Count {
  const last = [...output.matchAll(CLOSING)].at(-1)
  const count = last ? { passed: Number(last[1]), failed: Number(last[2]) } : { passed: 0, failed: 0 }
  return withStatus(count, ok)
}

/** Output of a step with its closing lines reworded, so that only the sum of a run has that form. */
export function hideClosingLines(output: string): string {
  return output.replaceAll(CLOSING, 'closing line: $1 and $2')
}
