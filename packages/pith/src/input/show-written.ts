import { type CommandContext, formatBytes, formatCount, formatDuration, formatRatio } from '@pith/core'
import type { Written } from './write-container.ts'

/** Say what a file was made of and how small it is: one line, or the report of --json. */
export async function showWritten(written: Written, context: CommandContext): Promise<void> {
  const { output, bytesIn, bytesOut, ms, entries, unwrapped, lines } = written
  const ratio = bytesOut === 0 ? 1 : bytesIn / bytesOut
  if (context.json && output !== '-') {
    const extra = { ...(unwrapped === undefined ? {} : { unwrapped }), ...(lines === undefined ? {} : { lines }) }
    await context.report({ output, bytesIn, bytesOut, ratio, ms: Math.round(ms), ...extra, entries })
    return
  }
  const codecs = [...new Set(entries.map((entry) => entry.codec))].join(' + ')
  const count = entries.length === 1 ? '' : `${formatCount(entries.length)} entries, `
  const name = output === '-' ? 'stdout' : output
  const sizes = `${formatBytes(bytesIn)} -> ${formatBytes(bytesOut)}`
  await context.note(
    `${name}: ${count}${sizes}, ${bytesIn === 0 ? '-' : formatRatio(ratio)}, ${codecs}, ${formatDuration(ms)}`,
  )
}
