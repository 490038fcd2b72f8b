import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder, pith } from './host.ts'

const tmp = makeFolder()
const at = (name: string): string => join(tmp, name)
const noise = (length: number, seed = 1): Buffer => {
  let state = seed
  return Buffer.from(Uint8Array.from({ length }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24))
}

// Noise is what no codec claims, and its sizes do not depend on one.
writeFileSync(at('a.bin'), noise(3000))

test('a file becomes NAME.pith beside it, and comes back', async () => {
  expect(await pith(tmp, 'compress TMP/a.bin')).toMatchObject({
    code: 0,
    out: '',
    err: 'pith: TMP/a.bin.pith: 3.00 kB -> 3.03 kB, 0.99x, general, TIME\n',
  })
  expect(await pith(tmp, 'decompress TMP/a.bin.pith -o TMP/b.bin')).toMatchObject({ code: 0, out: '', err: '' })
  expect(readFileSync(at('b.bin'))).toEqual(readFileSync(at('a.bin')))
})

test('--json is one report, --quiet is silence', async () => {
  const { code, out, err } = await pith(tmp, 'compress TMP/a.bin -o TMP/json.pith --json')
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(JSON.parse(out.replace('TIME', '0'))).toEqual({
    ok: true,
    output: 'TMP/json.pith',
    bytesIn: 3000,
    bytesOut: statSync(at('json.pith')).size,
    ratio: 3000 / statSync(at('json.pith')).size,
    ms: 0,
    entries: [{ codec: 'general', bytesIn: 3000, bytesOut: 3001 }],
  })
  expect(await pith(tmp, 'compress TMP/a.bin -o TMP/quiet.pith -q')).toMatchObject({ code: 0, out: '', err: '' })
})

test('no input grows by more than 1 % and 96 bytes, the empty one included', async () => {
  for (const length of [0, 1, 100, 5000, 200_000]) {
    const input = noise(length)
    const packed = (await pith(tmp, 'compress -', input)).bytes
    expect(packed.length).toBeLessThanOrEqual(Math.ceil(length * 1.01) + 96)
    expect((await pith(tmp, 'decompress - -o -', packed)).bytes).toEqual(input)
  }
})

test('what stands at the output stays, unless forced', async () => {
  writeFileSync(at('keep.pith'), 'mine')
  expect(await pith(tmp, 'compress TMP/a.bin -o TMP/keep.pith')).toMatchObject({
    code: 1,
    err: 'pith: error PITH_IO: TMP/keep.pith exists\nhint: Add --force to replace it, or choose another name.\n',
  })
  expect(readFileSync(at('keep.pith'), 'utf8')).toBe('mine')
  expect((await pith(tmp, 'compress TMP/a.bin -o TMP/keep.pith --force')).code).toBe(0)
  expect((await pith(tmp, 'decompress TMP/keep.pith -o -')).bytes).toEqual(readFileSync(at('a.bin')))
  expect(await pith(tmp, 'compress TMP/a.bin -o TMP/a.bin --force')).toMatchObject({
    code: 2,
    err: 'pith: error PITH_ARG: TMP/a.bin is the input itself\nhint: Name another output.\n',
  })
})

test('a folder becomes one archive: files, empty folders, links as links', async () => {
  mkdirSync(at('d/sub/empty'), { recursive: true })
  writeFileSync(at('d/sub/x'), noise(500, 2))
  writeFileSync(at('d/y'), '')
  symlinkSync('sub/x', at('d/link'))
  symlinkSync('/etc/passwd', at('d/out'))
  const packed = await pith(tmp, 'compress TMP/d')
  const size = `${statSync(at('d.pith')).size} B`
  const ratio = `${(500 / statSync(at('d.pith')).size).toFixed(2)}x`
  expect(packed).toMatchObject({
    code: 0,
    err:
      'pith: the link "d/out" points to an absolute path and stays out\n' +
      `pith: TMP/d.pith: 2 entries, 500 B -> ${size}, ${ratio}, general, TIME\n`,
  })
  expect(await pith(tmp, 'list TMP/d.pith')).toMatchObject({
    code: 0,
    out: [
      ' SIZE  STORED  RATIO  CODEC    NAME',
      '                      folder   d/',
      '                      link     d/link -> sub/x',
      '                      folder   d/sub/',
      '                      folder   d/sub/empty/',
      '500 B   501 B  1.00x  general  d/sub/x',
      '  0 B     0 B      -  general  d/y',
      `6 entries, 500 B in ${size}, ${ratio}`,
      '',
    ].join('\n'),
  })
  expect(await pith(tmp, 'decompress TMP/d.pith -o TMP/back')).toMatchObject({ code: 0, err: '' })
  expect(readFileSync(at('back/d/sub/x'))).toEqual(readFileSync(at('d/sub/x')))
  expect(readdirSync(at('back/d/sub/empty'))).toEqual([])
  expect(readlinkSync(at('back/d/link'))).toBe('sub/x')
  expect(await pith(tmp, 'decompress TMP/d.pith --entry d/sub/x -o -')).toMatchObject({ code: 0, bytes: noise(500, 2) })
})

test('extraction writes nothing where something stands, and nothing through links', async () => {
  expect(await pith(tmp, 'decompress TMP/d.pith -o TMP/back')).toMatchObject({
    code: 1,
    err: 'pith: error PITH_IO: TMP/back/d/link exists\nhint: Add --force to replace what exists, or name another folder with -o.\n',
  })
  mkdirSync(at('trap'))
  mkdirSync(at('elsewhere'))
  symlinkSync(at('elsewhere'), at('trap/d'))
  expect(await pith(tmp, 'decompress TMP/d.pith -o TMP/trap')).toMatchObject({
    code: 1,
    err: 'pith: error PITH_IO: TMP/trap/d is no folder, but entries lie below it\nhint: Move it away, or name another folder with -o.\n',
  })
  expect(readdirSync(at('elsewhere'))).toEqual([])
  expect(lstatSync(at('trap/d')).isSymbolicLink()).toBe(true)
})

test('inputs that would collide, or have no name for their archive, are refused', async () => {
  expect(await pith(tmp, 'compress TMP/a.bin TMP/b.bin')).toMatchObject({
    code: 2,
    err: 'pith: error PITH_ARG: several inputs need a name for their archive\nhint: Add -o NAME.pith.\n',
  })
  writeFileSync(at('d/sub/a.bin'), '')
  expect(await pith(tmp, 'compress TMP/a.bin TMP/d/sub/a.bin -o TMP/two.pith')).toMatchObject({
    code: 2,
    err: 'pith: error PITH_ARG: TMP/a.bin and TMP/d/sub/a.bin would both be a.bin in the archive\nhint: Compress them apart, or from a folder above both.\n',
  })
  expect(existsSync(at('two.pith'))).toBe(false)
})

test('a name in a folder that is not UTF-8 is refused as such', async () => {
  mkdirSync(join(tmp, 'names'))
  writeFileSync(Buffer.concat([Buffer.from(join(tmp, 'names/')), Buffer.of(0x61, 0xff)]), 'x')
  writeFileSync(join(tmp, 'names/a\ufffd'), 'y')
  expect(await pith(tmp, 'compress TMP/names')).toMatchObject({
    code: 1,
    err: expect.stringContaining('PITH_UNSUPPORTED: TMP/names holds a name that is not UTF-8: a'),
  })
  expect(existsSync(join(tmp, 'names.pith'))).toBe(false)
})

test('--append adds to what is there', async () => {
  writeFileSync(at('one.bin'), noise(400, 3))
  writeFileSync(at('two.bin'), noise(300, 4))
  expect(await pith(tmp, 'compress --append TMP/one.bin -o TMP/all.pith -q')).toMatchObject({ code: 0, err: '' })
  expect(await pith(tmp, 'compress --append TMP/two.bin -o TMP/all.pith -q')).toMatchObject({ code: 0, err: '' })
  const all = Buffer.concat([noise(400, 3), noise(300, 4)])
  expect((await pith(tmp, 'decompress TMP/all.pith -o -')).bytes).toEqual(all)
  expect(await pith(tmp, 'verify TMP/all.pith')).toMatchObject({
    code: 0,
    out: 'TMP/all.pith: ok, commit 2, 1 entry, 2 blocks, 700 B decoded\n',
  })
  expect((await pith(tmp, 'repack TMP/all.pith')).code).toBe(0)
  expect((await pith(tmp, 'decompress TMP/all.pith -o -')).bytes).toEqual(all)
  expect((await pith(tmp, 'verify TMP/all.pith')).out).toBe(
    'TMP/all.pith: ok, commit 1, 1 entry, 1 block, 700 B decoded\n',
  )
  expect((await pith(tmp, 'compress --append TMP/one.bin -o TMP/d.pith -q')).code).toBe(0)
  expect((await pith(tmp, 'decompress TMP/d.pith --entry one.bin -o -')).bytes).toEqual(noise(400, 3))
})

test('--flush takes one stream, and many flushes decode to all of it', async () => {
  const input = noise(90_000, 9)
  expect((await pith(tmp, 'compress - -o TMP/flushed.pith --flush 1ms -q', input)).code).toBe(0)
  expect((await pith(tmp, 'decompress TMP/flushed.pith -o -')).bytes).toEqual(input)
  expect(await pith(tmp, 'compress - --flush 5s')).toMatchObject({
    code: 2,
    err: 'pith: error PITH_ARG: --append and --flush need a file to write to\nhint: Add -o NAME.pith.\n',
  })
  expect(await pith(tmp, 'compress - -o TMP/x.pith --flush soon')).toMatchObject({
    code: 2,
    err: 'pith: error PITH_ARG: --flush must be a time span such as 5s, 2m or 1h, got soon\n',
  })
})

test('a flipped byte is found with its place, and the rest can be repaired', async () => {
  const input = Buffer.concat([noise(70_000, 5), noise(70_000, 6)])
  writeFileSync(at('big.bin'), input)
  await pith(tmp, 'compress TMP/big.bin --chunk 4K -q')
  const whole = readFileSync(at('big.bin.pith'))
  const broken = Buffer.from(whole)
  broken[60_000]! ^= 1
  writeFileSync(at('broken.pith'), broken)
  const report = await pith(tmp, 'verify TMP/broken.pith')
  expect(report.code).toBe(1)
  expect(report.out).toMatch(
    /^TMP\/broken.pith: PITH_CHECKSUM at entry "1" section "data" offset \d+: block 14: .*\nTMP\/broken.pith: damaged, commit 1, 1 entry, 35 blocks, 140 kB decoded\n$/,
  )
  const read = await pith(tmp, 'decompress TMP/broken.pith -o TMP/broken.bin')
  expect(read).toMatchObject({ code: 1, out: '' })
  expect(read.err).toMatch(/^pith: error PITH_CHECKSUM at entry "1" section "data" offset \d+: TMP\/broken.pith: /)
  expect(existsSync(at('broken.bin'))).toBe(false)
  const repaired = await pith(tmp, 'repair TMP/broken.pith')
  expect(repaired.code).toBe(0)
  expect(repaired.err).toMatch(/34 blocks in 1 entry saved, 136 kB decoded, 1 place lost\n$/)
  const kept = (await pith(tmp, 'decompress TMP/broken.repaired.pith -o -')).bytes
  expect(kept).toEqual(Buffer.concat([input.subarray(0, 14 * 4096), input.subarray(15 * 4096)]))
})

test('a file that was cut gives a typed error and can be repaired', async () => {
  writeFileSync(at('cut.pith'), readFileSync(at('big.bin.pith')).subarray(0, 100_000))
  const read = await pith(tmp, 'decompress TMP/cut.pith -o -')
  expect(read.code).toBe(1)
  expect(read.err).toMatch(/^pith: error PITH_TRUNCATED/)
  expect((await pith(tmp, 'repair TMP/cut.pith -q')).code).toBe(0)
  const kept = (await pith(tmp, 'decompress TMP/cut.repaired.pith -o -')).bytes
  expect(kept.length).toBeGreaterThan(90_000)
  expect(kept).toEqual(readFileSync(at('big.bin')).subarray(0, kept.length))
})

test.each(['list', 'inspect', 'verify', 'repair', 'repack', 'cat', 'templates', 'decompress'])(
  '%s refuses what is no .pith file',
  async (verb) => {
    writeFileSync(at('empty'), '')
    writeFileSync(at('text'), 'this is not a pith file, but a text that is long enough to be one\n')
    for (const [name, code] of [
      ['empty', 1],
      ['text', 1],
      ['missing', 1],
      ['d', 1],
    ] as const) {
      const { code: got, out, err } = await pith(tmp, [verb, `TMP/${name}`])
      expect([name, got]).toEqual([name, code])
      expect(err + out).toMatch(/PITH_(?:TRUNCATED|CORRUPT|IO|ARG)/)
      expect(err).not.toContain('PITH_INTERNAL')
    }
  },
)

test('cat prints lines without more', async () => {
  const lines = Array.from({ length: 3000 }, (_, i) => `${i + 1} ${noise(12, i).toString('hex')}`)
  await pith(tmp, 'compress - -o TMP/lines.pith --method general --chunk 4K -q', `${lines.join('\n')}\n`)
  expect((await pith(tmp, 'cat TMP/lines.pith')).out).toBe(`${lines.join('\n')}\n`)
  expect((await pith(tmp, 'cat --lines 1000-1002 TMP/lines.pith')).out).toBe(`${lines.slice(999, 1002).join('\n')}\n`)
  expect((await pith(tmp, 'cat --lines 2999- TMP/lines.pith')).out).toBe(`${lines.slice(2998).join('\n')}\n`)
  expect((await pith(tmp, 'cat --lines 5000-6000 TMP/lines.pith')).out).toBe('')
  expect(await pith(tmp, 'cat --lines 5-2 TMP/lines.pith')).toMatchObject({
    code: 2,
    err: 'pith: error PITH_ARG: --lines must be a range such as 100-200, got 5-2\nhint: Lines count from 1; 100- and -200 leave an end open.\n',
  })
})

test('inspect says where the bytes are', async () => {
  const size = statSync(at('a.bin.pith')).size
  const share = (bytes: number): string => `${((100 * bytes) / size).toFixed(bytes > 1000 ? 1 : 2)} %`
  expect(await pith(tmp, 'inspect TMP/a.bin.pith')).toMatchObject({
    code: 0,
    out: [
      `TMP/a.bin.pith: 3.00 kB in ${(size / 1000).toFixed(2)} kB, 0.99x, solo, commit 1`,
      'general 1, 3.00 kB in 3.00 kB',
      `  data  1 block  3.00 kB  ${share(3001)}  of 3.00 kB`,
      `frames, profiles and index: ${size - 3001} B, ${share(size - 3001)}`,
      '',
    ].join('\n'),
  })
})

test('--dry-run writes nothing and says about what would come', async () => {
  const before = readdirSync(tmp)
  expect(await pith(tmp, 'compress -n TMP/a.bin')).toMatchObject({
    code: 0,
    out: 'TMP/a.bin: 3.00 kB -> about 3.00 kB (1.00x), general, about TIME\n',
    err: '',
  })
  expect(readdirSync(tmp)).toEqual(before)
})

test('--budget is refused where nothing can be lost, and read before that', async () => {
  expect(await pith(tmp, 'compress --budget 4x TMP/a.bin -o TMP/n.pith')).toMatchObject({
    code: 1,
    err: 'pith: error PITH_UNSUPPORTED: --budget is for lossy codecs, and the ones for this input lose nothing\nhint: Leave --budget out; --level max makes it smaller.\n',
  })
  expect(await pith(tmp, 'compress --budget plenty TMP/a.bin -o TMP/n.pith')).toMatchObject({ code: 2 })
})

test.each(['1', '4095', '65MiB'])('--chunk %s is refused under its own name', async (chunk) => {
  expect(await pith(tmp, `compress - -o TMP/none.pith --chunk ${chunk}`, 'x')).toMatchObject({
    code: 2,
    err: expect.stringContaining(`--chunk must be 4KiB to 64MiB, got ${chunk}`),
  })
})

test('--memory bounds what is held: smaller chunks, and a refusal of what is larger', async () => {
  const text = Array.from({ length: 4000 }, (_, i) => `2024-05-01 10:00:00 app[7]: job ${i * 7919} done\n`).join('')
  const made = 'compress - -o TMP/bounded.pith --method logzip -q'
  expect(await pith(tmp, `${made} --memory 1000`, text)).toMatchObject({
    code: 1,
    err: expect.stringContaining('PITH_LIMIT'),
  })
  expect((await pith(tmp, `${made} --memory 1MiB`, text)).code).toBe(0)
  expect((await pith(tmp, 'decompress TMP/bounded.pith -o - --memory 1MiB')).out).toBe(text)
  expect((await pith(tmp, `${made} --force`, text)).code).toBe(0)
  expect(await pith(tmp, 'decompress TMP/bounded.pith -o - --memory 100K')).toMatchObject({
    code: 1,
    err: expect.stringContaining('the limit memoryBytes is 102400'),
  })
})

test('a part that --memory leaves out is not called damaged', async () => {
  const text = Array.from({ length: 4000 }, (_, i) => `2024-05-01 10:00:00 app[7]: job ${i * 7919} done\n`).join('')
  expect(await pith(tmp, 'compress - -o TMP/whole.pith --method logzip -q', text)).toMatchObject({ code: 0 })
  for (const verb of ['cat', 'grep -c job', 'decompress --keep-going -f -o TMP/left-out.log']) {
    const { code, err } = await pith(tmp, `${verb} TMP/whole.pith --memory 100K`)
    expect(`${code} ${err}`).toMatch(/^2 .*PITH_LIMIT.*left out/)
    expect(err).toMatch(/hint: .*(limit memoryBytes|more memory)/)
    expect(err).not.toContain('repair')
  }
  const { code, out } = await pith(tmp, 'verify TMP/whole.pith --memory 100K')
  expect(code).toBe(1)
  expect(out).toContain('not all checked')
  expect(out).not.toContain('damaged')
})
