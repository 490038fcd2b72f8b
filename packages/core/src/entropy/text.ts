/**
 * Ready-made strong coder for text and other bytes: context mixing of orders 1 to 6, words, the line above and repeats.
 * About 0.5 MB/s in both directions. docs/format-entropy.md section 5.
 *
 * @module
 */
import { ByteReader, ByteWriter } from '../bytes.ts'
import { PithError } from '../errors.ts'
import { instantiateKernels, type KernelOptions } from '../wasm/kernels.ts'
import * as twin from './kernels/index.ts'
import { WASM_BASE64 } from './kernels.wasm.ts'

const LEAST_TABLE_LOG = 16
const MOST_TABLE_LOG = 24
const LEAST_MATCH_LOG = 10
const MOST_MATCH_LOG = 20

/** Memory of the text model. */
export interface TextOptions extends KernelOptions {
  /** log2 of the bytes of the context table, 16..24; default: fit to the length. */
  tableLog?: number
}

/**
 * Compress bytes.
 *
 * @param data u8[n], n <= 2^28
 * @throws PithError `PITH_ARG` · `PITH_LIMIT` the platform has no memory for it
 */
export function encodeText(data: Uint8Array, options: TextOptions = {}): Uint8Array<ArrayBuffer> {
  if (data.length > 2 ** 28) throw new PithError('PITH_ARG', `at most 2^28 bytes, got ${data.length}`)
  const bits = 32 - Math.clz32(data.length)
  const tableLog = options.tableLog ?? clamp(bits + 5, LEAST_TABLE_LOG, MOST_TABLE_LOG)
  if (!(Number.isInteger(tableLog) && tableLog >= LEAST_TABLE_LOG && tableLog <= MOST_TABLE_LOG)) {
    throw new PithError('PITH_ARG', `tableLog must be ${LEAST_TABLE_LOG}..${MOST_TABLE_LOG}, got ${tableLog}`)
  }
  const matchLog = clamp(bits, LEAST_MATCH_LOG, MOST_MATCH_LOG)
  const { exports, memory } = instantiateKernels({ wasm: WASM_BASE64, twin }, options)
  const base = memory.alloc(exports.textBytes(tableLog, matchLog), 64)
  const src = memory.put(data)
  // Random bytes grow by less than 1 %.
  const room = data.length + (data.length >> 6) + 64
  const dst = memory.alloc(room)
  const length = exports.textEncode(base, tableLog, matchLog, src, data.length, dst, dst + room)
  if (length < 0) throw new PithError('PITH_INTERNAL', `the code of ${data.length} bytes exceeds ${room}`)
  const writer = new ByteWriter(length + 8)
  writer.varint(data.length)
  writer.u8(tableLog)
  writer.u8(matchLog)
  writer.bytes(memory.take(dst, length))
  return writer.finish()
}

/**
 * Decompress what {@link encodeText} made. The code has no checksum: a damaged one gives other bytes or an error.
 *
 * @param maxBytes most bytes that the caller expects
 * @throws PithError `PITH_LIMIT` more than `maxBytes` · `PITH_CORRUPT`, `PITH_TRUNCATED` a damaged or hostile input
 */
export function decodeText(bytes: Uint8Array, maxBytes: number, options: KernelOptions = {}): Uint8Array<ArrayBuffer> {
  const reader = new ByteReader(bytes)
  const length = reader.varint()
  if (length > maxBytes) {
    throw new PithError('PITH_LIMIT', `${length} bytes are declared, at most ${maxBytes} are expected`)
  }
  const tableLog = reader.u8()
  const matchLog = reader.u8()
  if (
    tableLog < LEAST_TABLE_LOG ||
    tableLog > MOST_TABLE_LOG ||
    matchLog > MOST_MATCH_LOG ||
    matchLog < LEAST_MATCH_LOG
  ) {
    throw new PithError('PITH_CORRUPT', `tables of 2^${tableLog} and 2^${matchLog} are out of range`)
  }
  const code = reader.take(reader.remaining)
  const { exports, memory } = instantiateKernels({ wasm: WASM_BASE64, twin }, options)
  const base = memory.alloc(exports.textBytes(tableLog, matchLog), 64)
  const src = memory.put(code)
  const dst = memory.alloc(length)
  const missed = exports.textDecode(base, tableLog, matchLog, src, src + code.length, dst, length)
  // The coder reads four bytes ahead; beyond that, bytes were made of nothing.
  if (missed > 4) throw new PithError('PITH_TRUNCATED', `the code of ${length} bytes ends early`)
  return memory.take(dst, length)
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value))
}
