import { type ErrorPlace, isPithError, type PithCode, PithError } from '../errors.ts'

/** What goes to a worker. */
export interface TaskRequest {
  pith: 'task'
  id: number
  task: string
  payload: unknown
}

/** What comes back from it. */
export type TaskResponse =
  | { pith: 'result'; id: number; result: unknown }
  | { pith: 'error'; id: number; error: WireError }

/** An error as it crosses the boundary: structured cloning would drop code, hint and place. */
export interface WireError {
  code: PithCode
  message: string
  hint?: string
  at?: ErrorPlace
  stack?: string
  cause?: string
}

export function errorToWire(error: unknown): WireError {
  const message = error instanceof Error ? error.message : String(error)
  const wire: WireError = { code: 'PITH_INTERNAL', message }
  if (error instanceof Error && error.stack !== undefined) wire.stack = error.stack
  if (isPithError(error)) {
    wire.code = error.code
    if (error.hint !== undefined) wire.hint = error.hint
    if (error.at !== undefined) wire.at = error.at
    if (error.cause !== undefined) wire.cause = String(error.cause)
  }
  return wire
}

export function errorFromWire(wire: WireError): PithError {
  const error = new PithError(wire.code, wire.message, {
    ...(wire.hint === undefined ? {} : { hint: wire.hint }),
    ...(wire.at === undefined ? {} : { at: wire.at }),
    ...(wire.cause === undefined ? {} : { cause: wire.cause }),
  })
  if (wire.stack !== undefined) error.stack = wire.stack
  return error
}

/** Whether a message is ours: other code may talk over the same port. */
export function isRequest(message: unknown): message is TaskRequest {
  return typeof message === 'object' && message !== null && 'pith' in message && message.pith === 'task'
}

export function isResponse(message: unknown): message is TaskResponse {
  if (typeof message !== 'object' || message === null || !('pith' in message)) return false
  return message.pith === 'result' || message.pith === 'error'
}
