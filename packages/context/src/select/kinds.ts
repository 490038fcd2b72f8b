/** What a text can be taken for. */
export const TEXT_KINDS = ['auto', 'text', 'words', 'passages', 'transcript', 'log', 'json', 'diff', 'html'] as const
/** One of them. */
export type TextKind = (typeof TEXT_KINDS)[number]
