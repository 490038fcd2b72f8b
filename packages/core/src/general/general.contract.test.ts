import { anyBytes, describeSystem, noiseBytes } from '../testing/index.ts'
import { generalCodec } from './general.ts'

const text = new TextEncoder().encode(
  Array.from({ length: 900 }, (_, i) => `line ${i} has ${(i * 7919) % 1000} of ${i % 7}\n`).join(''),
)

describeSystem({
  name: 'general',
  codec: generalCodec,
  options: { default: {}, fast: { level: 'fast' }, max: { level: 'max' } },
  smallBlocks: { level: 'fast', chunkBytes: 4096 },
  arbitraries: { 'any bytes': anyBytes(20_000) },
  edgeInputs: {
    noise: noiseBytes(9000),
    'one block exactly': text.subarray(0, 4096),
    'one more': text.subarray(0, 4097),
  },
  small: text.subarray(0, 90),
  realistic: text,
  limits: { growth: { factor: 1.01, constant: 96 }, heldBytes: 3 * 4096, blocksAhead: 2 },
})
