/** Where the texts are in requests of the two common forms. */
import { isJson, type Json, type SlotRole, slotsOf, type TextSlot } from './slots.ts'

const ROLES: Readonly<Record<string, SlotRole>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
  tool: 'tool',
  function: 'tool',
}

/**
 * Texts of a request to `/v1/chat/completions` (OpenAI) or `/v1/messages` (Anthropic), in order; empty for anything else. Calls of tools,
 * their schemas and pictures are no texts.
 */
export function textsOfRequest(body: Json): TextSlot[] {
  const messages = body['messages']
  const system = body['system'] === undefined ? [] : slotsOf(body, 'system', 'system', -1)
  if (!Array.isArray(messages)) return system
  return [
    ...system,
    ...messages.flatMap((message, i) => {
      if (!isJson(message)) return []
      const role = ROLES[String(message['role'])]
      return role === undefined ? [] : slotsOf(message, 'content', role, i)
    }),
  ]
}
