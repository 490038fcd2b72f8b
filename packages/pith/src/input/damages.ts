import {
  type CommandContext,
  type DamagedPart,
  formatBytes,
  formatCount,
  isDamage,
  PithError,
  type ReadRun,
} from '@pith/core'
import { errorLines, errorObject } from '../command/show-error.ts'
import { type OpenedFile, shownName } from './open-file.ts'

/** What could not be read of the files of one call: said on standard error, while the rest is read. */
export class Damages {
  readonly #context: CommandContext
  readonly #found: { file: string; part: DamagedPart }[] = []
  #told = 0
  #earlier = false

  constructor(context: CommandContext) {
    this.#context = context
  }

  /** Whether anything is missing. */
  get any(): boolean {
    return this.#earlier || this.#found.length > 0
  }

  /** For programs. */
  get list(): object[] {
    return this.#found.map(({ file, part: { part, rawOffset, rawBytes, lines, error } }) => ({
      file,
      part,
      rawOffset,
      rawBytes,
      ...(lines === undefined ? {} : { lines: [lines[0] + 1, lines[1]] }),
      error: errorObject(error),
    }))
  }

  /** The run with which a file is read on behind what is damaged. */
  in<R extends ReadRun>(run: R, file: OpenedFile): R {
    const { path, container } = file
    // That an earlier commit is read was said when the file was opened.
    if (container.form === 'chunks' && container.damage !== undefined) this.#earlier = true
    return { ...run, onDamage: (part: DamagedPart) => this.#found.push({ file: shownName(path), part }) }
  }

  /** Say what was found since the last call. */
  async tell(): Promise<void> {
    if (this.#told === this.#found.length) return
    await this.#context.stdout.flush()
    const lines = this.#found.slice(this.#told).map(({ file, part }, i) => lineOf(file, part, this.#told + i === 0))
    this.#told = this.#found.length
    await this.#context.stderr.write(lines.join(''))
    await this.#context.stderr.flush()
  }
}

function lineOf(file: string, { part, rawOffset, rawBytes, lines, error }: DamagedPart, isFirst: boolean): string {
  const what = [
    lines === undefined ? `part ${part}` : `chunk ${part}`,
    ...(lines === undefined || lines[1] <= lines[0] ? [] : [`lines ${lines[0] + 1} to ${lines[1]}`]),
    `${formatBytes(rawBytes)} from byte ${formatCount(rawOffset)} on`,
  ].join(', ')
  const hint = isFirst ? { hint: hintOf(file, error) } : {}
  const at = error.at === undefined ? {} : { at: error.at }
  return errorLines(new PithError(error.code, `${file}: ${what}, is left out: ${error.message}`, { ...at, ...hint }))
}

/** What to do about a part that is left out: nothing says that one which goes beyond a limit is damaged. */
function hintOf(file: string, { code, hint }: PithError): string {
  if (code === 'PITH_LIMIT') return hint ?? 'The file may be whole: if you trust it, allow more with --memory.'
  return `Get another copy of the file, or save what is left with pith repair ${file}.`
}

/** An error of a file that is damaged, with the ways to what is left of it. */
export function withWayOut(path: string, error: unknown): unknown {
  if (!isDamage(error) || error.code === 'PITH_LIMIT') return error
  const { code, message, at } = error
  const hint = `Add --keep-going to get what is left, or save it with pith repair ${shownName(path)}.`
  return new PithError(code, message, { hint, ...(at === undefined ? {} : { at }), cause: error })
}
