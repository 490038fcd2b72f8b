const POLYNOMIAL = 0x82f63b78

// Eight tables in one array: table k advances a byte that stands k bytes before the end of the group.
const TABLES = /* @__PURE__ */ makeTables()

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256)
  for (let i = 0; i < 256; i++) {
    let crc = i
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
    tables[i] = crc
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256]!
    tables[i] = (before >>> 8) ^ tables[before & 255]!
  }
  return tables
}

/**
 * CRC-32C (Castagnoli, reflected, as in RFC 3720) of `bytes[from, to)`, eight bytes a step.
 *
 * @param bytes u8[n]
 * @param seed  result for the bytes that stand before, to go on from; 0 at the start
 * @param from  first byte, default 0; `to` is exclusive, default n
 * @returns u32
 */
export function crc32c(bytes: Uint8Array, seed = 0, from = 0, to: number = bytes.length): number {
  const t = TABLES
  let crc = ~seed
  let i = from
  // Aligned words halve the loads; the alignment is that of the buffer, not of the view.
  while (i < to && (bytes.byteOffset + i) & 3) crc = (crc >>> 8) ^ t[(crc ^ bytes[i++]!) & 255]!
  if (IS_LITTLE_ENDIAN && to - i >= 8) {
    const pairs = (to - i) >>> 3
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + i, pairs * 2)
    const count = pairs * 2
    for (let w = 0; w < count; w += 2) {
      const low = words[w]! ^ crc
      const high = words[w + 1]!
      crc =
        t[1792 + (low & 255)]! ^
        t[1536 + ((low >>> 8) & 255)]! ^
        t[1280 + ((low >>> 16) & 255)]! ^
        t[1024 + (low >>> 24)]! ^
        t[768 + (high & 255)]! ^
        t[512 + ((high >>> 8) & 255)]! ^
        t[256 + ((high >>> 16) & 255)]! ^
        t[high >>> 24]!
    }
    i += pairs * 8
  }
  while (i < to) crc = (crc >>> 8) ^ t[(crc ^ bytes[i++]!) & 255]!
  return ~crc >>> 0
}

const IS_LITTLE_ENDIAN = /* @__PURE__ */ new Uint8Array(/* @__PURE__ */ new Uint32Array([1]).buffer)[0] === 1
