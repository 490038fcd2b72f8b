import { type Arguments, type CommandContext, formatBytes, isPithError, type Run } from '@pith/core'
import { type BadPlace, openContainer, type VerifyReport, verify } from '@pith/core/container'
import { plural } from '../command/plural.ts'
import { runOf } from '../command/run-options.ts'
import { placeText, visible } from '../command/show-error.ts'
import { openAccess, shownName, spentBytes } from '../input/open-file.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const job = runOf(args, context)
  const reports: (VerifyReport & { file: string })[] = []
  for (const path of args.operands) {
    const report = await verifyFile(path, job, context)
    reports.push({ file: shownName(path), ...report })
    if (!context.json) await context.stdout.write(linesOf(shownName(path), report, context.quiet))
    await context.stdout.flush()
  }
  const ok = reports.every((report) => report.ok)
  if (context.json) await context.report({ ok, files: reports })
  return ok ? 0 : 1
}

async function verifyFile(path: string, job: Run, context: CommandContext): Promise<VerifyReport> {
  const access = await openAccess(path, context)
  try {
    const report = await verify(access, job)
    const { uncommittedBytes, bytes } = report
    if (report.ok && uncommittedBytes > 0) {
      // Whether more came in is not to be told from here: what is read is an earlier state.
      const message = `${plural(uncommittedBytes, 'byte')} behind the last commit: the file was cut, or is being written`
      report.bad.push({ code: 'PITH_TRUNCATED', message, offset: bytes })
    }
    // Where a checksum is wrong already, decoding would only say so again.
    if (!report.ok) return report
    const container = await openContainer(access, { limits: job.limits ?? {}, signal: context.signal })
    for await (const entry of container.entries(job)) {
      if (entry.kind !== 'file') continue
      try {
        for await (const _ of spentBytes(entry, job)) context.signal.throwIfAborted()
      } catch (error) {
        if (!isPithError(error)) throw error
        report.bad.push({
          ...error.at,
          entry: entry.path ?? String(entry.id),
          code: error.code,
          message: error.message,
        })
      }
    }
    return { ...report, ok: report.bad.length === 0 }
  } finally {
    await access.close()
  }
}

function linesOf(name: string, report: VerifyReport, quiet: boolean): string {
  const { bad, commit, entries, blocks, rawBytes, uncommittedBytes } = report
  const lines = bad.map((place) => `${name}: ${badLine(place)}`)
  if (!quiet || bad.length > 0) {
    const counts = `commit ${commit}, ${plural(entries, 'entry', 'entries')}, ${plural(blocks, 'block')}`
    const behind = uncommittedBytes === 0 ? '' : `, ${plural(uncommittedBytes, 'byte')} behind the last commit`
    lines.push(`${name}: ${stateOf(report)}, ${counts}, ${formatBytes(rawBytes)} decoded${behind}`)
  }
  return lines.map((line) => `${visible(line)}\n`).join('')
}

/** What goes beyond a limit of the call may be whole. */
function stateOf({ ok, bad }: VerifyReport): string {
  if (ok) return 'ok'
  return bad.length > 0 && bad.every(({ code }) => code === 'PITH_LIMIT') ? 'not all checked' : 'damaged'
}

function badLine(place: BadPlace): string {
  const block = place.block === undefined ? '' : `block ${place.block}: `
  return `${place.code}${placeText(place)}: ${block}${place.message}`
}
