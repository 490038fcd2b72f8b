/** A chunk of raw bytes as lines, templates and the rows of their columns: everything before values are looked at. */
import { toLatin1 } from './latin1.ts'
import {
  type Assignment,
  assignTemplates,
  type KnownSignature,
  type KnownTemplates,
  RAW,
  type Signature,
  type TemplateSet,
} from './templates.ts'
import { tokenizeLine } from './tokens.ts'
import type { Workspace } from './workspace.ts'

/** Lines above this length are raw. */
const MAX_LINE_BYTES = 65536
/** Lines of further signatures are raw. */
const MAX_SIGNATURES = 65536
/** Most lines of a chunk. */
export const MAX_LINES: number = 262144
/** Most slots of a chunk; lines behind them are raw. */
const MAX_SLOTS = 2 ** 21
/** Most rows of all columns of a chunk. */
export const MAX_ROWS: number = 2 ** 23

/** One column of a chunk: its rows are `first`..`first + rows` of the row arrays. */
export interface ColumnRows {
  id: number
  first: number
  rows: number
}

/** A parsed chunk. Names in capitals of the pipeline: lines (A), templates of lines (C, D), rows (E). Addresses are in the workspace. */
export interface ParsedChunk {
  rawBytes: number
  source: number
  lines: number
  /** u8 a line: 0 "\n", 1 "\r\n", 2 none. */
  eols: number
  /** i32 a line. */
  lineTemplate: number
  rowStart: number
  rowEnd: number
  rowLine: number
  templates: TemplateSet
  /** Signatures that are no raw lines, by their static text. */
  signatures: () => ReadonlyMap<string, KnownSignature>
  /** Lines of each template. */
  templateCounts: Int32Array
  /** Columns that have rows, in ascending order. */
  columns: ColumnRows[]
}

/** Bytes of a chunk in the workspace. */
export interface LoadedChunk {
  source: number
  rawBytes: number
  newlines: number
}

/** Put the first lines of a piece into the workspace: all of them, or as many as a chunk may have. */
export function loadChunk({ kernels, memory }: Workspace, piece: Uint8Array): LoadedChunk {
  const source = memory.reserve(piece.length + 64)
  memory.u8.set(piece, source)
  memory.u8.fill(0, source + piece.length, source + piece.length + 64)
  const newlines = kernels.countNewlines(source, piece.length)
  if (newlines < MAX_LINES) return { source, rawBytes: piece.length, newlines }
  const rawBytes = kernels.offsetOfLine(source, piece.length, MAX_LINES)
  memory.u8.fill(0, source + rawBytes, source + rawBytes + 64)
  return { source, rawBytes, newlines: MAX_LINES }
}

/** Parse one chunk of whole lines (the last may lack its newline). */
export function parseChunk(workspace: Workspace, chunk: LoadedChunk, prior: KnownTemplates): ParsedChunk {
  const { kernels, memory } = workspace
  const { source, rawBytes: n } = chunk
  const lineCapacity = chunk.newlines + 1
  const starts = workspace.scratchWords(lineCapacity)
  const ends = workspace.scratchWords(lineCapacity)
  const eols = memory.alloc(lineCapacity)
  const lines = kernels.splitLines(source, n, starts, ends, eols)

  const slotCapacity = Math.min((n >> 1) + lines, MAX_SLOTS)
  const scan = scanInto(workspace, source, n, lines, starts, ends, slotCapacity)

  const signatures = readSignatures(workspace, scan, starts, ends, prior.signatures)
  const assignment = assignTemplates(signatures, prior)
  limitRows(assignment, signatures, lines)
  return gather(workspace, { source, rawBytes: n, lines, eols }, starts, ends, scan, assignment, signatures)
}

/** Where words that differ make more slots than a chunk may have, lines of the signatures with most slots are raw. */
function limitRows({ known }: Assignment, signatures: readonly Signature[], lines: number): void {
  let rows = lines
  for (let s = 0; s < known.length; s++) {
    rows += ((signatures[s] as Signature).count * (known[s] as KnownSignature).program.length) / 5
  }
  if (rows <= MAX_ROWS) return
  const order = [...known.keys()].sort(
    (a, b) => (known[b] as KnownSignature).program.length - (known[a] as KnownSignature).program.length || a - b,
  )
  for (const s of order) {
    if (rows <= MAX_ROWS) return
    rows -= ((signatures[s] as Signature).count * (known[s] as KnownSignature).program.length) / 5
    known[s] = RAW
  }
}

interface Scan {
  slots: number
  slotBase: number
  lineSignature: number
  records: number
  signatures: number
  used: number
}

function scanInto(
  workspace: Workspace,
  source: number,
  n: number,
  lines: number,
  starts: number,
  ends: number,
  slotCapacity: number,
): Scan {
  const { kernels, memory } = workspace
  const bitBytes = ((n + 31) >> 5) * 4 + 8
  const tokens = memory.reserve(bitBytes)
  const marks = memory.reserve(bitBytes)
  kernels.buildMasks(source, n, tokens, marks)
  const capacity = Math.min(lines, MAX_SIGNATURES)
  const tableSize = 2 ** (33 - Math.clz32(capacity))
  const scan = {
    slots: workspace.scratchWords(slotCapacity * 2),
    slotBase: workspace.scratchWords(lines),
    lineSignature: workspace.scratchWords(lines),
    records: workspace.scratchWords(capacity * 4),
    signatures: 0,
    used: 0,
  }
  const table = workspace.words(tableSize)
  scan.signatures = kernels.scanLines(
    workspace.args(
      source,
      lines,
      starts,
      ends,
      tokens,
      marks,
      scan.slots,
      slotCapacity,
      scan.slotBase,
      scan.lineSignature,
      table,
      tableSize - 1,
      scan.records,
      capacity,
      MAX_LINE_BYTES,
    ),
  )
  scan.used = workspace.arg(15)
  return scan
}

/** @param known signatures whose lines nobody asks for */
function readSignatures(
  workspace: Workspace,
  scan: Scan,
  starts: number,
  ends: number,
  known: ReadonlyMap<string, unknown>,
): Signature[] {
  const { memory, kernels } = workspace
  const mark = memory.mark()
  const keyEnds = workspace.scratchWords(scan.signatures)
  const args = [scan.records, scan.signatures, starts, ends, scan.slotBase, scan.slots]
  const bytes = kernels.signatureKeys(workspace.args(...args, 0, 0))
  const keys = memory.reserve(bytes + 16)
  kernels.signatureKeys(workspace.args(...args, keys, keyEnds))
  const all = toLatin1(memory.u8, keys, keys + bytes)
  const signatures: Signature[] = []
  const open: number[] = []
  let lines: string[] | undefined
  let at = 0
  for (let s = 0; s < scan.signatures; s++) {
    const end = workspace.word(keyEnds, s) - keys
    const key = all.slice(at, end)
    const place = open.length
    if (!known.has(key)) open.push(s)
    signatures.push({
      key,
      count: workspace.word(scan.records, s * 4 + 2),
      line: () => {
        lines ??= readFirstLines(workspace, scan, starts, ends, open)
        return tokenizeLine(lines[place] as string, readSlots(workspace, scan, starts, s))
      },
    })
    at = end
  }
  memory.release(mark)
  return signatures
}

/** The first line of each of these signatures, all read at once: a call for each would cost more than what it reads. */
function readFirstLines(
  workspace: Workspace,
  scan: Scan,
  starts: number,
  ends: number,
  signatures: readonly number[],
): string[] {
  const { memory, kernels } = workspace
  const mark = memory.mark()
  const count = signatures.length
  const from = workspace.scratchWords(count)
  const to = workspace.scratchWords(count)
  for (let i = 0; i < count; i++) {
    const line = workspace.word(scan.records, (signatures[i] as number) * 4 + 1)
    workspace.putWord(from, i, workspace.word(starts, line))
    workspace.putWord(to, i, workspace.word(ends, line))
  }
  const bytes = kernels.textBytes(from, to, count)
  const joined = memory.reserve(bytes + 16)
  kernels.joinRows(from, to, count, joined)
  const all = toLatin1(memory.u8, joined, joined + bytes)
  const lines: string[] = []
  let at = 0
  for (let i = 0; i < count; i++) {
    const end = at + workspace.word(to, i) - workspace.word(from, i)
    lines.push(all.slice(at, end))
    at = end + 1
  }
  memory.release(mark)
  return lines
}

/** Start and end of each slot in the first line of a signature. */
function readSlots(workspace: Workspace, scan: Scan, starts: number, signature: number): number[] {
  const { memory } = workspace
  const line = workspace.word(scan.records, signature * 4 + 1)
  const start = workspace.word(starts, line)
  const first = (scan.slots >> 2) + workspace.word(scan.slotBase, line) * 2
  const slots: number[] = []
  const count = workspace.word(scan.records, signature * 4 + 3) * 2
  for (let i = 0; i < count; i++) slots.push((memory.i32[first + i] as number) - start)
  return slots
}

function gather(
  workspace: Workspace,
  chunk: Pick<ParsedChunk, 'source' | 'rawBytes' | 'lines' | 'eols'>,
  starts: number,
  ends: number,
  scan: Scan,
  { set, known }: Assignment,
  signatures: readonly Signature[],
): ParsedChunk {
  const { kernels, memory } = workspace
  const counts = new Int32Array(set.templates.length)
  let words = 0
  let assigned = 0
  const rowsOf = new Int32Array(set.columns)
  for (let s = 0; s < scan.signatures; s++) {
    const lines = memory.i32[(scan.records >> 2) + s * 4 + 2] as number
    const { template, program } = known[s] as KnownSignature
    if (template === 0) continue
    counts[template] = (counts[template] as number) + lines
    assigned += lines
    words += program.length
    for (let k = 0; k < program.length; k += 5) {
      const column = program[k] as number
      rowsOf[column] = (rowsOf[column] as number) + lines
    }
  }
  counts[0] = chunk.lines - assigned
  rowsOf[0] = counts[0] as number

  const columns: ColumnRows[] = []
  const cursors = workspace.words(set.columns)
  let total = 0
  for (let id = 0; id < set.columns; id++) {
    memory.i32[(cursors >> 2) + id] = total
    const rows = rowsOf[id] as number
    if (rows > 0) columns.push({ id, first: total, rows })
    total += rows
  }

  const programs = workspace.scratchWords(words)
  const programIndex = workspace.scratchWords(scan.signatures * 2)
  const signatureTemplate = workspace.scratchWords(scan.signatures)
  let at = 0
  for (let s = 0; s < scan.signatures; s++) {
    const { template, program } = known[s] as KnownSignature
    memory.i32[(signatureTemplate >> 2) + s] = template
    memory.i32[(programIndex >> 2) + 2 * s] = at
    memory.i32[(programIndex >> 2) + 2 * s + 1] = program.length * 4
    memory.i32.set(program, (programs + at) >> 2)
    at += program.length * 4
  }
  const rowStart = workspace.scratchWords(total)
  const rowEnd = workspace.scratchWords(total)
  const rowLine = workspace.scratchWords(total)
  const lineTemplate = workspace.scratchWords(chunk.lines)
  kernels.gatherRows(
    workspace.args(
      chunk.lines,
      starts,
      ends,
      scan.lineSignature,
      scan.slotBase,
      scan.slots,
      programs,
      programIndex,
      signatureTemplate,
      lineTemplate,
      cursors,
      rowStart,
      rowEnd,
      rowLine,
    ),
  )
  return {
    ...chunk,
    lineTemplate,
    rowStart,
    rowEnd,
    rowLine,
    templates: set,
    signatures: () => signatureMap(signatures, known),
    templateCounts: counts,
    columns,
  }
}

function signatureMap(signatures: readonly Signature[], known: readonly KnownSignature[]): Map<string, KnownSignature> {
  const found = new Map<string, KnownSignature>()
  for (const [s, { key }] of signatures.entries()) {
    const own = known[s] as KnownSignature
    if (own.template !== 0) found.set(key, own)
  }
  return found
}
