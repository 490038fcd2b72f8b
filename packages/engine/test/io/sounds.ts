/** Small compressed files, put together by their formats: FLAC of samples as they are, and silence in MP3 and Ogg Opus. */
import { ByteWriter, concatBytes } from '@pith/core'

/** Bits from the highest on. */
class BitWriter {
  readonly bytes: number[] = []
  #bits = 0
  #count = 0

  put(value: number, width: number): void {
    for (let bit = width - 1; bit >= 0; bit--) {
      this.#bits = (this.#bits << 1) | (Math.floor(value / 2 ** bit) & 1)
      if (++this.#count === 8) {
        this.bytes.push(this.#bits)
        this.#bits = 0
        this.#count = 0
      }
    }
  }

  pad(): void {
    while (this.#count !== 0) this.put(0, 1)
  }
}

function crc(bytes: readonly number[], width: number, polynomial: number): number {
  let value = 0
  const top = 2 ** (width - 1)
  for (const byte of bytes) {
    value ^= byte << (width - 8)
    for (let bit = 0; bit < 8; bit++)
      value = ((value & top) !== 0 ? (value << 1) ^ polynomial : value << 1) & (2 * top - 1)
  }
  return value
}

/** A FLAC file of one channel of 16-bit samples at 44,100 Hz in blocks of 192, none of them compressed (RFC 9639). */
export function flacFile(samples: Int16Array, declared: number = samples.length): Uint8Array {
  const head = new BitWriter()
  for (const letter of 'fLaC') head.put(letter.charCodeAt(0), 8)
  head.put(0x80, 8)
  head.put(34, 24)
  head.put(192, 16)
  head.put(192, 16)
  head.put(0, 24)
  head.put(0, 24)
  head.put(44_100, 20)
  head.put(0, 3)
  head.put(15, 5)
  head.put(declared, 36)
  for (let i = 0; i < 16; i++) head.put(0, 8)
  const frames: number[] = []
  for (let frame = 0; frame * 192 < samples.length; frame++) {
    const own = new BitWriter()
    // Sync code, blocks of one size: 192 samples, 44,100 Hz, one channel, 16 bits.
    own.put(0xfff8, 16)
    own.put(0x19, 8)
    own.put(0x08, 8)
    own.put(frame, 8)
    own.put(crc(own.bytes, 8, 0x07), 8)
    own.put(0b0_000001_0, 8)
    for (let i = 0; i < 192; i++) own.put((samples[192 * frame + i] ?? 0) & 0xffff, 16)
    own.pad()
    own.put(crc(own.bytes, 16, 0x8005), 16)
    frames.push(...own.bytes)
  }
  return Uint8Array.from([...head.bytes, ...frames])
}

/** Frames of MPEG 1 Layer III at 128 kbit/s and 44,100 Hz that hold silence: no bits of anything. */
export function mp3File(frames: number): Uint8Array {
  const frame = new Uint8Array(417)
  // One channel, no checksum.
  frame.set([0xff, 0xfb, 0x90, 0xc4])
  return concatBytes(Array.from({ length: frames }, () => frame))
}

/** Packets of 20 ms of silence in one channel, in an Ogg file (RFC 3533, RFC 7845). */
export function opusFile(packets: number): Uint8Array {
  const head = new ByteWriter(64)
  head.bytes(new TextEncoder().encode('OpusHead'))
  for (const byte of [1, 1, 0, 0]) head.u8(byte)
  head.u32(48_000)
  for (const byte of [0, 0, 0]) head.u8(byte)
  const tags = new ByteWriter(64)
  tags.bytes(new TextEncoder().encode('OpusTags'))
  tags.u32(0)
  tags.u32(0)
  const silence = Uint8Array.of(0xf8, 0xff, 0xfe)
  return concatBytes([
    oggPage(0, 2, 0, [head.finish()]),
    oggPage(1, 0, 0, [tags.finish()]),
    oggPage(
      2,
      4,
      960 * packets,
      Array.from({ length: packets }, () => silence),
    ),
  ])
}

function oggPage(number: number, flags: number, position: number, packets: readonly Uint8Array[]): Uint8Array {
  const page = new ByteWriter(1024)
  page.bytes(new TextEncoder().encode('OggS'))
  page.u8(0)
  page.u8(flags)
  page.u32(position)
  page.u32(0)
  page.u32(1)
  page.u32(number)
  page.u32(0)
  page.u8(packets.length)
  for (const packet of packets) page.u8(packet.length)
  for (const packet of packets) page.bytes(packet)
  const bytes = page.finish()
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(22, oggCrc(bytes), true)
  return bytes
}

function oggCrc(bytes: Uint8Array): number {
  let value = 0
  for (const byte of bytes) {
    value = (value ^ (byte << 24)) >>> 0
    for (let bit = 0; bit < 8; bit++)
      value = ((value & 0x80000000) !== 0 ? (value << 1) ^ 0x04c11db7 : value << 1) >>> 0
  }
  return value
}
