/** Who a piece of a conversation comes from. */
export type SlotRole = 'system' | 'user' | 'assistant' | 'tool'

/** A text in a request for an answer, and a way to put another in its place. */
export interface TextSlot {
  readonly role: SlotRole
  readonly text: string
  /** Number of the message it belongs to. */
  readonly message: number
  replace(text: string): void
}

/** A JSON object whose fields were not looked at. */
export type Json = Record<string, unknown>

/** Whether a value is an object with fields. */
export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Slots of a field that is a text, or a list of parts of which some are texts. */
export function slotsOf(owner: Json, field: string, role: SlotRole, message: number): TextSlot[] {
  const content = owner[field]
  if (typeof content === 'string') return [slot(owner, field, role, message, content)]
  if (!Array.isArray(content)) return []
  return content.flatMap((part) => {
    if (!isJson(part)) return []
    // Thoughts have texts too, in some forms, and are signed.
    if (part['type'] === 'text' && typeof part['text'] === 'string')
      return [slot(part, 'text', role, message, part['text'])]
    // What a tool answered stands in a part of its own, which has a text or parts again.
    return part['type'] === 'tool_result' ? slotsOf(part, 'content', 'tool', message) : []
  })
}

function slot(owner: Json, field: string, role: SlotRole, message: number, text: string): TextSlot {
  return {
    ...{ role, message, text },
    replace(other) {
      owner[field] = other
    },
  }
}
