/** Codes of {@link PithError}; each has a heading in docs/errors.md. */
export type PithCode =
  | 'PITH_ARG'
  | 'PITH_SHAPE'
  | 'PITH_DTYPE'
  | 'PITH_TRUNCATED'
  | 'PITH_CORRUPT'
  | 'PITH_CHECKSUM'
  | 'PITH_VERSION'
  | 'PITH_UNKNOWN_CODEC'
  | 'PITH_LIMIT'
  | 'PITH_MODEL'
  | 'PITH_IO'
  | 'PITH_UNSUPPORTED'
  | 'PITH_INTERNAL'
  | 'PITH_GRADIENT'
  | 'PITH_NONFINITE'
  | 'PITH_LOCKED'
  | 'PITH_BUDGET'
  | 'PITH_CAPABILITY'
  | 'PITH_NETWORK'

/** Where in a file or graph something went wrong. `offset` is in bytes from the start of the file, or of the section if one is named. */
export interface ErrorPlace {
  entry?: string
  section?: string
  offset?: number
  node?: string
}

/** What a PithError carries beside code and message. */
export interface ErrorDetail {
  /** One imperative sentence: what the user can do next. */
  hint?: string
  at?: ErrorPlace
  cause?: unknown
}

/** The one error class of pith; test it with {@link isPithError}, which works across two loaded copies of the package. */
export class PithError extends Error {
  readonly code: PithCode
  // Declared only, so that an error without them has no such keys.
  declare readonly hint?: string
  declare readonly at?: ErrorPlace

  constructor(code: PithCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.name = 'PithError'
    this.code = code
    if (detail.hint !== undefined) this.hint = detail.hint
    if (detail.at !== undefined) this.at = detail.at
  }
}

/** Codes that say that bytes are not those that were written, and nothing of the call or the machine. */
const DAMAGES: ReadonlySet<PithCode> = /* @__PURE__ */ new Set<PithCode>([
  'PITH_CORRUPT',
  'PITH_TRUNCATED',
  'PITH_CHECKSUM',
  'PITH_LIMIT',
])

/** Whether an error says that the input is damaged. A damaged size may also go beyond a limit. */
export function isDamage(error: unknown): error is PithError {
  return isPithError(error) && DAMAGES.has(error.code)
}

/** Whether `error` is a {@link PithError}, of the given code if one is named. */
export function isPithError(error: unknown, code?: PithCode): error is PithError {
  if (!(error instanceof Error) || error.name !== 'PithError' || !('code' in error)) return false
  return code === undefined || error.code === code
}
