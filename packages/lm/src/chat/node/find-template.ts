/** The chat template that stands beside a model, or in it. */
import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { PithError } from '@pith/core'
import { fileSource } from '@pith/core/node'
import { openGguf, type Tokenizer } from '@pith/engine/io'
import { type ChatTemplate, chatTemplate, PLAIN_TEMPLATE } from '../template.ts'

/** Longest file beside a model that is read. */
const MAX_BYTES = 2 ** 24

/** Key of the metadata of GGUF files. */
const GGUF_KEY = 'tokenizer.chat_template'

/**
 * The template of a model: chat_template.jinja or tokenizer_config.json beside it, the metadata of its GGUF file, or the plain
 * one.
 *
 * @param path the folder or file of the model
 * @throws PithError `PITH_MODEL`, `PITH_LIMIT` a template that cannot be read · `PITH_CAPABILITY`
 */
export async function findChatTemplate(path: string, tokenizer: Tokenizer): Promise<ChatTemplate> {
  const isFolder = (await stat(path)).isDirectory()
  const folder = isFolder ? path : dirname(path)
  const source =
    (await textAt(join(folder, 'chat_template.jinja'))) ??
    templateOf(await textAt(join(folder, 'tokenizer_config.json'))) ??
    (path.endsWith('.gguf') ? await ggufTemplate(path) : undefined)
  return source === undefined ? PLAIN_TEMPLATE : await chatTemplate(source, tokenizer)
}

async function textAt(path: string): Promise<string | undefined> {
  try {
    const { size } = await stat(path)
    if (size > MAX_BYTES) throw new PithError('PITH_LIMIT', `${path} has ${size} bytes, at most ${MAX_BYTES} are read`)
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof PithError) throw error
    return undefined
  }
}

/** The template of a tokenizer_config.json: a text, or several by name. */
function templateOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  let config: unknown
  try {
    config = JSON.parse(text)
  } catch (cause) {
    throw new PithError('PITH_CORRUPT', 'tokenizer_config.json is no JSON', { cause })
  }
  const own = (config as { chat_template?: unknown } | null)?.chat_template
  if (typeof own === 'string') return own
  if (!Array.isArray(own)) return undefined
  const named = own as readonly ({ name?: unknown; template?: unknown } | null)[]
  const chosen = named.find((each) => each?.name === 'default') ?? named[0]
  return typeof chosen?.template === 'string' ? chosen.template : undefined
}

async function ggufTemplate(path: string): Promise<string | undefined> {
  const file = await openGguf(await fileSource(path))
  try {
    const value = file.metadata.get(GGUF_KEY)
    return value?.type === 'string' ? value.value : undefined
  } finally {
    await file.close()
  }
}
