/** What the page asks of its worker. */
export type Question =
  | { ask: 'open'; target: File | string }
  | { ask: 'search'; id: number; pattern: string; fixed: boolean; ignoreCase: boolean }

/** What the worker answers. */
export type Answer =
  | { say: 'opened'; name: string; size: number; lines: number; rawBytes: number }
  | { say: 'templates'; templates: { text: string; count: number }[] }
  | { say: 'lines'; id: number; lines: { line: number; text: string }[] }
  | { say: 'searched'; id: number; count: number; requests: number; bytes: number; size: number }
  | { say: 'failed'; message: string }
