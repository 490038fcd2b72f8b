/**
 * `node benchmarks/render.ts [SYSTEM]` draws `benchmarks/results/<system>-*.svg` from the results alone.
 *
 * @module
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Case } from './measure/case.ts'
import { ROOT } from './measure/machine.ts'
import { dotMark, lineMark, picture, textMark } from './measure/svg.ts'

const COLOURS: Readonly<Record<string, string>> = { fast: '#d97706', default: '#2563eb', max: '#047857' }
const OTHER = '#6b7280'
const LEVELS = ['fast', 'default', 'max']
const ROW = 18
const LEFT = 150
const GROUPS = [
  ['full', 'full-size logs'],
  ['2k', 'samples of 2,000 lines'],
  ['heldout', 'held-out logs'],
] as const

function legend(x: number, y: number, names: readonly string[]): string[] {
  return names.flatMap((name, i) => [
    dotMark(x + i * 90, y - 4, 5, COLOURS[name] ?? OTHER, name),
    textMark(x + i * 90 + 10, y, name),
  ])
}

/** Bytes over those of xz -9e, a row for each log, a dot for each level. */
export function drawSizes(cases: readonly Case[]): string {
  const sizes = cases.filter((c) => c.kind === 'sizes' && c.peer.name.startsWith('xz'))
  const width = 760
  const right = width - 30
  const x = (share: number) => LEFT + ((right - LEFT) * Math.min(share, 1.2)) / 1.2
  const marks: string[] = []
  let y = 66
  for (const [group, title] of GROUPS) {
    const own = sizes.filter((c) => c.data.group === group)
    if (own.length === 0) continue
    marks.push(textMark(12, y, title, { bold: true }))
    y += ROW
    for (const name of new Set(own.map((c) => c.data.name))) {
      marks.push(textMark(LEFT - 10, y + 4, name, { anchor: 'end' }), lineMark(LEFT, y, right, y))
      for (const level of LEVELS) {
        const found = own.find((c) => c.data.name === name && c.params['level'] === level)
        if (found === undefined) continue
        const share = (found.ours.bytes ?? 0) / (found.theirs.bytes ?? 1)
        const title = `${name}, ${level}: ${found.ours.bytes} bytes, ${share.toFixed(2)} of xz`
        marks.push(dotMark(x(share), y, 5, COLOURS[level]!, title))
      }
      y += ROW
    }
    y += 8
  }
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    lineMark(x(share), 44, x(share), y - 10, share === 1 ? '#24292f' : '#d0d7de', share === 1 ? '4 3' : ''),
    textMark(x(share), y + 8, share === 1 ? 'xz -9e' : String(share), { anchor: 'middle', size: 11 }),
  ])
  const head = [textMark(12, 24, 'Size of compressed logs, xz -9e = 1', { bold: true, size: 14 })]
  return picture(width, y + 24, 'Size of compressed logs against xz -9e', [
    ...head,
    ...legend(right - 260, 24, LEVELS),
    ...grid,
    ...marks,
  ])
}

/** Compression ratio over CPU throughput, both on logarithmic axes. */
export function drawSpeed(cases: readonly Case[], figure: 'encodeMBps' | 'decodeMBps', title: string): string {
  const speed = cases.filter((c) => c.kind === 'speed')
  const points = new Map<string, { name: string; ratio: number; speed: number; colour: string }>()
  for (const { params, peer, ours, theirs } of speed) {
    const level = String(params['level'])
    points.set(level, {
      name: `pith ${level}`,
      ratio: ours.ratio ?? 1,
      speed: ours[figure] ?? 1,
      colour: COLOURS[level] ?? OTHER,
    })
    points.set(peer.name, { name: peer.name, ratio: theirs.ratio ?? 1, speed: theirs[figure] ?? 1, colour: OTHER })
  }
  const all = [...points.values()]
  const [width, height, left, bottom] = [760, 380, 60, 330]
  const axis = (values: readonly number[], from: number, to: number) => {
    const low = Math.log(Math.min(...values) / 1.3)
    const high = Math.log(Math.max(...values) * 1.3)
    return (value: number) => from + ((to - from) * (Math.log(value) - low)) / (high - low)
  }
  const x = axis(
    all.map((point) => point.speed),
    left,
    width - 130,
  )
  const y = axis(
    all.map((point) => point.ratio),
    bottom,
    50,
  )
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000]
  const inside = (place: number, from: number, to: number) => place >= Math.min(from, to) && place <= Math.max(from, to)
  return picture(width, height, title, [
    textMark(12, 24, title, { bold: true, size: 14 }),
    ...steps
      .filter((step) => inside(x(step), left, width - 130))
      .flatMap((step) => [
        lineMark(x(step), 50, x(step), bottom),
        textMark(x(step), bottom + 16, String(step), { anchor: 'middle', size: 11 }),
      ]),
    ...steps
      .filter((step) => inside(y(step), bottom, 50))
      .flatMap((step) => [
        lineMark(left, y(step), width - 130, y(step)),
        textMark(left - 8, y(step) + 4, String(step), { anchor: 'end', size: 11 }),
      ]),
    textMark((left + width - 130) / 2, bottom + 34, 'MB/s of log, CPU time, one thread', {
      anchor: 'middle',
      size: 11,
    }),
    textMark(left - 8, 42, 'ratio', { anchor: 'end', size: 11 }),
    ...all.flatMap((point) => [
      dotMark(
        x(point.speed),
        y(point.ratio),
        6,
        point.colour,
        `${point.name}: ${point.ratio.toFixed(1)}, ${point.speed.toFixed(1)} MB/s`,
      ),
      textMark(x(point.speed) + 9, y(point.ratio) + 4, point.name, { colour: point.colour }),
    ]),
  ])
}

/** How many times faster than the pipe each query is, sorted; a row for each level. */
export function drawSearch(cases: readonly Case[]): string {
  const timed = cases.filter((c) => c.kind === 'grep' && c.data.name.endsWith('mixed'))
  const [width, height, left, right] = [760, 150, 80, 730]
  const gains = timed.map((c) => c.vs['wall'] ?? 1)
  const [low, high] = [Math.log(Math.min(0.5, ...gains)), Math.log(Math.max(10, ...gains))]
  const x = (gain: number) => left + ((right - left) * (Math.log(gain) - low)) / (high - low)
  const levels = LEVELS.filter((level) => timed.some((c) => c.params['level'] === level))
  return picture(width, height, 'Searches of a log of 1 GB, times faster than zstd -dc | grep', [
    textMark(12, 24, 'Searches of a log of 1 GB, times faster than zstd -dc | grep', { bold: true, size: 14 }),
    ...[0.5, 1, 2, 5, 10, 20, 50]
      .filter((gain) => Math.log(gain) >= low && Math.log(gain) <= high)
      .flatMap((gain) => [
        lineMark(x(gain), 44, x(gain), 116, gain === 1 ? '#24292f' : '#d0d7de'),
        textMark(x(gain), 134, `${gain}x`, { anchor: 'middle', size: 11 }),
      ]),
    ...levels.flatMap((level, row) => [
      textMark(left - 12, 64 + row * 36, level, { anchor: 'end' }),
      ...timed
        .filter((c) => c.params['level'] === level)
        .map((c) => {
          const title = `${c.params['query']}: ${c.ours.wallMs?.toFixed(0)} ms, pipe ${c.theirs.wallMs?.toFixed(0)} ms`
          return dotMark(x(c.vs['wall'] ?? 1), 60 + row * 36, 4, `${COLOURS[level]}99`, title)
        }),
    ]),
  ])
}

/** The plots of a set of results, by the name they get behind the system's. */
export function drawAll(cases: readonly Case[]): Record<string, string> {
  const has = (kind: string) => cases.some((c) => c.kind === kind)
  return {
    ...(has('sizes') ? { sizes: drawSizes(cases) } : {}),
    ...(has('speed')
      ? {
          compression: drawSpeed(cases, 'encodeMBps', 'Compression: ratio over speed'),
          decompression: drawSpeed(cases, 'decodeMBps', 'Decompression: ratio over speed'),
        }
      : {}),
    ...(has('grep') ? { search: drawSearch(cases) } : {}),
  }
}

if (import.meta.main) {
  const system = process.argv[2] ?? 'logzip'
  const path = join(ROOT, `benchmarks/results/${system}.json`)
  if (!existsSync(path)) {
    process.stderr.write(`render: there is no ${path}; npm run bench -- ${system} makes it\n`)
    process.exit(1)
  }
  const { cases } = JSON.parse(readFileSync(path, 'utf8')) as { cases: Case[] }
  for (const [name, svg] of Object.entries(drawAll(cases))) {
    writeFileSync(join(ROOT, `benchmarks/results/${system}-${name}.svg`), svg)
  }
}
