import { unlink } from 'node:fs/promises'
import { type Arguments, type Codec, type CommandContext, formatBytes, isPithError, PithError } from '@pith/core'
import { type LostPlace, repair } from '@pith/core/container'
import { plural } from '../command/plural.ts'
import { runOf } from '../command/run-options.ts'
import { placeText } from '../command/show-error.ts'
import { heldName, inFile, openAccess, shownName } from '../input/open-file.ts'
import { outputSink } from '../input/output-sink.ts'
import { codecs } from '../systems/codecs.ts'

/** Lost places that are listed one by one. */
const LISTED = 20

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const path = args.operands[0]!
  const output = args.value('output') ?? (path === '-' ? '-' : `${heldName(path) ?? path}.repaired.pith`)
  const access = await openAccess(path, context)
  try {
    const sink = await outputSink(output, context, { force: args.has('force') })
    const { totals, lost, from, isCut } = await repair(access, sink, { ...runOf(args, context), codec: codecAtHand })
    const isNothing = totals.blocks === 0 && (isCut || lost.length > 0)
    if (context.json && output !== '-' && !isNothing) {
      await context.report({ file: shownName(path), output, from, isCut, totals, lost })
      return 0
    }
    for (const place of lost.slice(0, LISTED)) await context.note(`${shownName(path)}: lost ${lostText(place)}`)
    if (lost.length > LISTED) await context.note(`${shownName(path)}: and ${lost.length - LISTED} more`)
    if (isNothing) {
      if (output !== '-') await unlink(output)
      throw new PithError('PITH_CORRUPT', 'nothing of it can be saved', { hint: 'Get another copy of the file.' })
    }
    const saved = `${plural(totals.blocks, 'block')} in ${plural(totals.entries, 'entry', 'entries')}`
    const places = lost.length === 0 ? [] : [`${plural(lost.length, 'place')} lost`]
    if (isCut) places.push('what stood behind the end of the file is lost')
    const losses = places.length === 0 ? 'nothing lost' : places.join(', ')
    const name = output === '-' ? 'stdout' : output
    await context.note(`${name}: ${saved} saved, ${formatBytes(totals.rawBytes)} decoded, ${losses}`)
    return 0
  } catch (error) {
    throw inFile(path, error)
  } finally {
    await access.close()
  }
}

/** The codec of an entry that is installed and new enough. */
async function codecAtHand(id: string, version: number): Promise<Codec | undefined> {
  try {
    const codec = await codecs().load('codec', id)
    return codec.version < version ? undefined : codec
  } catch (error) {
    if (isPithError(error, 'PITH_UNKNOWN_CODEC')) return undefined
    throw error
  }
}

function lostText(place: LostPlace): string {
  const block = place.block === undefined ? '' : ` ${place.block}`
  return `${place.what}${block}${placeText(place)}`
}
