import { anyBytes, describeSystem } from '@pith/core/testing'
import { bytes, FALSE_TIMES, logs, makeLog, sampleLog } from '../../test/log-inputs.ts'
import { logzipCodec } from './logzip.ts'

const repeated = (part: string, times: number): Uint8Array => bytes(part.repeat(times))

describeSystem({
  name: 'logzip',
  codec: logzipCodec,
  options: { default: {}, fast: { level: 'fast' }, max: { level: 'max' } },
  smallBlocks: { level: 'fast', chunkBytes: 4096 },
  arbitraries: { logs: logs(120), 'any bytes': anyBytes(6000) },
  edgeInputs: {
    'newlines only': repeated('\n', 9000),
    'CRLF only': repeated('\r\n', 5000),
    'carriage returns only': repeated('\r', 5000),
    'one line without an end': repeated('x1 ', 3000),
    'a line longer than 64 KiB': bytes(`a 1\n${'b2 '.repeat(30_000)}\nc 3\n`),
    'NUL between numbers': repeated('1\x002\0\n', 900),
    'marks of templates in the text': repeated('\x00 1 \x01\x30 22 \x02\x02 3 \x02\n', 60),
    'layout letters': repeated('% 12 %Y 13 Y-m-d * 5\n', 60),
    'half a CRLF at the end': bytes('a 1\r\nb 2\r'),
    'false times': bytes(`${FALSE_TIMES.join('\n')}\n`.repeat(3)),
    'one false time in many': bytes(
      FALSE_TIMES.map(
        (time, i) => `${`2024-01-01 10:00:0${i % 10},00${i % 9} a ${i}\n`.repeat(40)}${time} a ${i}\n`,
      ).join(''),
    ),
    'quotes that never close': repeated('a "b 1 "c 2 "d\n', 80),
    'more columns than rows': bytes(Array.from({ length: 400 }, (_, i) => `k${i}=${i}`).join(' ')),
    'numbers of every width': bytes(Array.from({ length: 25 }, (_, i) => `v ${'9'.repeat(i)}1 w\n`.repeat(9)).join('')),
  },
  small: bytes('2024-01-01 10:00:00 a 1\n2024-01-01 10:00:01 a 2\n2024-01-01 10:00:05 b 1\n'),
  realistic: sampleLog(700),
  limits: { growth: { factor: 1.01, constant: 96 }, heldBytes: 5 * 4096, blocksAhead: 5 },
  threads: [3],
})

describeSystem({
  name: 'logzip on JSON',
  codec: logzipCodec,
  options: { fast: { level: 'fast' } },
  smallBlocks: { level: 'fast', chunkBytes: 8192 },
  arbitraries: {},
  edgeInputs: {
    'keys in another order': bytes(
      Array.from({ length: 900 }, (_, i) =>
        i % 2 === 0 && i < 200 ? `{"a":${i},"b":"x${i % 9}"}\n` : `{"b":"y${(i * 7) % 11}","a":${(i * i) % 97}}\n`,
      ).join(''),
    ),
    'quotes behind backslashes': bytes(`{"a":"${'\\"'.repeat(5000)}"}\n`.repeat(3)),
  },
  small: bytes('{"a":1,"b":"x"}\n{"a":2,"b":"y"}\n{"a":3,"b":"z"}\n'),
  realistic: makeLog({
    seed: 3,
    lines: 300,
    templates: [],
    spelling: 'Y-m-d%TH:M:S.3%Z',
    step: 2000,
    start: Date.UTC(2023, 5, 1),
    eol: 'lf',
    lastNewline: true,
    odd: 3,
    json: true,
  }),
  limits: { growth: { factor: 1.01, constant: 96 }, heldBytes: 5 * 8192, blocksAhead: 5 },
  threads: [],
})
