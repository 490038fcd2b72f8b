/** One chunk of raw bytes to its coded blocks. */
import { ByteWriter } from '@pith/core'
import { planColumns } from './columns.ts'
import { packBytes } from './pack.ts'
import { parseChunk } from './parse.ts'
import { PlainSink } from './plain.ts'
import { Prior } from './prior.ts'
import { idWidth, writeColumns, writeEols } from './streams.ts'
import type { Workspace } from './workspace.ts'

/** Effort: `fast` and `default` differ in brotli's quality, `max` mixes contexts. */
export type Level = 'fast' | 'default' | 'max'

const QUALITY: { readonly fast: number; readonly default: number; readonly max: number } = { fast: 5, default: 11, max: 11 }

/** Chunks whose streams hold fewer bytes than this are one block. */
const WHOLE_BYTES = 65536

/** A coded chunk: blocks by the section they belong to. */
export interface EncodedChunk {
  rawBytes: number
  lines: number
  blocks: { section: 'whole' | 'head' | 'ids' | 'columns' | 'texts'; payload: Uint8Array }[]
}

/**
 * Code a chunk.
 *
 * @param prior of the archive; undefined where this is the first chunk and others will follow: then it is learned here
 *   and returned
 */
export function encodeChunk(
  workspace: Workspace,
  bytes: Uint8Array,
  prior: Prior | undefined,
  options: { level: Level; quotes?: boolean | undefined },
): { chunk: EncodedChunk; prior: Prior } {
  workspace.reset()
  let known = prior ?? Prior.empty()
  const parsed = parseChunk(workspace, bytes, known.templates, options)
  const plans = planColumns(workspace, parsed, known)
  if (prior === undefined) known = Prior.learn(workspace, parsed, plans)

  const sink = new PlainSink(workspace)
  const { meta, tables } = writeColumns(workspace, parsed, plans, known.templates.templates.length, sink)
  const { groups, texts } = sink.finish()
  const ids = templateIds(workspace, parsed.lineTemplate, parsed.lines, parsed.templates.templates.length)

  const head = new ByteWriter(meta.length + tables.length + 256)
  head.varint(parsed.rawBytes)
  head.varint(parsed.lines)
  head.u32(workspace.kernels.hash32(parsed.source, parsed.rawBytes) >>> 0)
  writeEols(workspace, parsed, head)
  head.varint(groups.length)
  head.varint(meta.length)
  head.bytes(meta)
  head.varint(tables.length)
  head.bytes(tables)

  const quality = QUALITY[options.level]
  const streams = [head.view(), ids, ...groups, texts]
  const total = streams.reduce((sum, stream) => sum + stream.length, 0)
  const blocks: EncodedChunk['blocks'] = []
  if (total < WHOLE_BYTES) {
    const whole = new ByteWriter(total + 32)
    whole.bytes(streams[0] as Uint8Array)
    whole.bytes(ids)
    for (const group of groups) {
      whole.varint(group.length)
      whole.bytes(group)
    }
    whole.bytes(texts)
    blocks.push({ section: 'whole', payload: packBytes(whole.view(), quality) })
  } else {
    blocks.push({ section: 'head', payload: packBytes(streams[0] as Uint8Array, quality) })
    blocks.push({ section: 'ids', payload: packBytes(ids, quality) })
    for (const group of groups) blocks.push({ section: 'columns', payload: packBytes(group, quality) })
    if (texts.length > 0) blocks.push({ section: 'texts', payload: packBytes(texts, quality) })
  }
  return { chunk: { rawBytes: parsed.rawBytes, lines: parsed.lines, blocks }, prior: known }
}

/** Template of each line, as planes of bytes. */
function templateIds(workspace: Workspace, lineTemplate: number, lines: number, templates: number): Uint8Array {
  const { memory, kernels } = workspace
  const width = idWidth(templates)
  const mark = memory.mark()
  const at = memory.alloc(lines * width)
  kernels.putPlanes(lineTemplate, lines, width, at)
  const ids = memory.take(at, lines * width)
  memory.release(mark)
  return ids
}
