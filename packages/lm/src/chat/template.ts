/** Messages as the text that a model was trained on: by the template of the model, or plainly where it has none. */
import { PithError } from '@pith/core'
import type { Tokenizer } from '@pith/engine/io'

/** One message of a conversation. */
export interface ChatMessage {
  /** `system`, `user`, `assistant`, or what else the template knows. */
  readonly role: string
  readonly content: string
}

/** Longest template that is read, and longest text that one may make. */
const MAX_TEMPLATE = 1 << 18
const MAX_TEXT = 1 << 26

/** Turns conversations into ids. */
export interface ChatTemplate {
  /** Whether it came with the model. */
  readonly isOwn: boolean
  /** The text of a conversation, up to where the answer begins. @throws PithError `PITH_ARG` messages that it refuses */
  render(messages: readonly ChatMessage[]): string
}

/** `role: content`, one message a line, for models without a template. */
export const PLAIN_TEMPLATE: ChatTemplate = {
  isOwn: false,
  render: (messages) => `${messages.map(({ role, content }) => `${role}: ${content}\n`).join('')}assistant:`,
}

/**
 * A template of a model, in the language that Hugging Face has for them.
 *
 * @param tokenizer whose names for the beginning and the end of a text it may use
 * @throws PithError `PITH_MODEL` it cannot be read · `PITH_LIMIT` it is longer than 256 KiB · `PITH_CAPABILITY` the library
 * is not installed
 */
export async function chatTemplate(source: string, tokenizer: Tokenizer): Promise<ChatTemplate> {
  if (source.length > MAX_TEMPLATE) {
    throw new PithError(
      'PITH_LIMIT',
      `the chat template has ${source.length} characters, at most ${MAX_TEMPLATE} are read`,
    )
  }
  const { Template } = await import('@huggingface/jinja').catch((cause: unknown) => {
    throw new PithError('PITH_CAPABILITY', 'the library of chat templates is not installed', {
      cause,
      hint: 'Run: npm install @huggingface/jinja',
    })
  })
  let template: InstanceType<typeof Template>
  try {
    template = new Template(source)
  } catch (cause) {
    throw new PithError('PITH_MODEL', `the chat template cannot be read: ${said(cause)}`, { cause })
  }
  const names = { bos_token: nameOf(tokenizer, tokenizer.bos), eos_token: nameOf(tokenizer, tokenizer.eos) }
  return {
    isOwn: true,
    render(messages) {
      let text: string
      try {
        text = template.render({ ...names, messages: messages.map((own) => ({ ...own })), add_generation_prompt: true })
      } catch (cause) {
        throw new PithError('PITH_ARG', `the chat template refuses the messages: ${said(cause)}`, {
          cause,
          hint: 'Check the order of the roles.',
        })
      }
      if (text.length > MAX_TEXT) throw new PithError('PITH_LIMIT', `the conversation has ${text.length} characters`)
      return text
    },
  }
}

/** Ids of a conversation; the template of a model writes the beginning of the text itself, if there is to be one. */
export function encodeChat(tokenizer: Tokenizer, template: ChatTemplate, messages: readonly ChatMessage[]): Int32Array {
  const text = template.render(messages)
  if (!template.isOwn) return tokenizer.encode(text, { special: true })
  const begin = nameOf(tokenizer, tokenizer.bos)
  if (tokenizer.bos === undefined || begin === '' || !text.startsWith(begin)) return tokenizer.encode(text)
  // Not every tokenizer knows the names of special tokens within a text.
  return Int32Array.of(tokenizer.bos, ...tokenizer.encode(text.slice(begin.length)))
}

function nameOf(tokenizer: Tokenizer, id: number | undefined): string {
  for (const [name, own] of tokenizer.special) if (own === id) return name
  return ''
}

function said(cause: unknown): string {
  return (cause instanceof Error ? cause.message : String(cause)).slice(0, 200)
}
