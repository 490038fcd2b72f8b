/** `pith prompt retrieve`. */
import { type Arguments, type CommandContext, PithError } from '@pith/core'
import { hashOf, type PromptMap, readText } from './inputs.ts'

export async function run(args: Arguments, context: CommandContext): Promise<number> {
  const [mapPath, textPath] = [args.value('map'), args.value('text')]
  if (mapPath === undefined || textPath === undefined) {
    throw new PithError('PITH_ARG', 'options --map and --text are needed', {
      hint: 'Name the map that compress wrote, and the original: --map out.map.json --text FILE.',
    })
  }
  const [map, text] = [readMap(await readText(mapPath, context), mapPath), await readText(textPath, context)]
  if (hashOf(text) !== map.sha256) {
    throw new PithError('PITH_ARG', `${textPath} is not the text that ${mapPath} was made of`, {
      hint: 'Give the original, byte for byte.',
    })
  }
  const found = args.operands.flatMap((id) => {
    const part = map.dropped.find((own) => own.id === id)
    return part === undefined ? [] : [{ id, tokens: part.tokens, text: text.slice(part.start, part.end) }]
  })
  const missing = args.operands.filter((id) => !found.some((part) => part.id === id))
  if (context.json) await context.report({ parts: found, missing })
  else {
    for (const part of found) await context.stdout.write(part.text.endsWith('\n') ? part.text : `${part.text}\n`)
    if (missing.length > 0) await context.note(`not available: ${missing.join(', ')}`)
  }
  return missing.length === 0 ? 0 : 1
}

function readMap(text: string, path: string): PromptMap {
  let map: Partial<PromptMap> | null
  try {
    map = JSON.parse(text)
  } catch {
    map = null
  }
  const isMap =
    map?.version === 1 &&
    typeof map.sha256 === 'string' &&
    Array.isArray(map.dropped) &&
    map.dropped.every(
      (part) => part !== null && [part.start, part.end].every((at) => Number.isSafeInteger(at) && at >= 0),
    )
  if (!isMap)
    throw new PithError('PITH_CORRUPT', `${path} is no map of pith prompt compress`, { hint: 'Write one with --map.' })
  return map as PromptMap
}
