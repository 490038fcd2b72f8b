/** Crashes, full disks, flushes, damages and limits, against the command and the library. */
import { spawn } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { isPithError } from '@pith/core'
import { compressLog, decompressLog } from '@pith/text/logzip'
import { randomWords } from '../../generate-log.ts'
import { type AcceptContext, atMost, costAtMost } from '../../measure/accept.ts'
import { realLogs } from '../../measure/data.ts'
import { mustRun, pipe, runProcess } from '../../measure/process.ts'
import { cacheFolder, LEVELS, PithCommand } from '../command.ts'
import { sampleFile } from '../samples.ts'
import { sameBytes } from '../sizes.ts'

const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(' ')

/** Start a command and kill it after `ms`. @returns whether it was still running */
async function killAfter(command: readonly string[], ms: number): Promise<boolean> {
  const [program = '', ...words] = command
  const child = spawn(program, words, { stdio: 'ignore' })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const timer = setTimeout(() => child.kill('SIGKILL'), ms)
  const code = await ended
  clearTimeout(timer)
  return code === null
}

/** kill -9 at random points: the old file or the new one; of appends the last commit or the one after. */
export async function acceptKills(context: AcceptContext): Promise<void> {
  const pith = new PithCommand(context.pith)
  const folder = cacheFolder(context.cache, 'kills')
  const [small, large] = [join(folder, 'old.log'), join(folder, 'new.log')]
  const log = realLogs().find((file) => file.name === 'kafka0_all')!
  copyFileSync(log.path, large)
  writeFileSync(small, readFileSync(log.path).subarray(0, 200_000))
  const [old, target] = [join(folder, 'old.pith'), join(folder, 'target.pith')]
  await mustRun(pith.compress(small, old, 'fast'))
  const kills = Math.max(8, Math.round(100 * Math.min(1, context.scale)))
  const random = randomWords(9)
  const grown = join(folder, 'grown.log')
  writeFileSync(grown, Buffer.concat([readFileSync(small), readFileSync(large)]))
  for (const [name, command, after] of [
    ['compress --force', pith.compress(large, target, 'fast'), large],
    ['compress --append', pith.line('compress', '--quiet', '--append', '-o', target, large), grown],
  ] as const) {
    let killed = 0
    let fresh = 0
    const bad: string[] = []
    copyFileSync(old, target)
    const { wallMs } = await mustRun(command)
    for (let i = 0; i < kills; i++) {
      copyFileSync(old, target)
      if (await killAfter(command, (random() / 2 ** 32) * wallMs * 1.1)) killed++
      const back = join(folder, 'back')
      const { code, stderr } = await runProcess(pith.decompress(target, back))
      const isOld = code === 0 && (await sameBytes(back, small))
      const isNew = code === 0 && !isOld && (await sameBytes(back, after))
      // An append commits more than once where it has more than a chunk: what stands must be a beginning of the whole.
      const isPart =
        code === 0 &&
        !isOld &&
        !isNew &&
        name.endsWith('append') &&
        readFileSync(after).subarray(0, statSync(back).size).equals(readFileSync(back))
      if (isNew || isPart) fresh++
      if (!isOld && !isNew && !isPart) bad.push(`kill ${i}: ${stderr.trim().slice(0, 120)}`)
    }
    const figure = bad.length === 0 ? `${killed} killed, ${fresh} left the new file` : bad.slice(0, 3).join('; ')
    context.check(`${name}, kill -9 at ${kills} random points: the old file or the new`, bad.length === 0, figure)
    rmSync(target, { force: true })
    for (const left of readdirSync(folder)) if (left.startsWith('target.pith')) rmSync(join(folder, left))
  }
  rmSync(folder, { recursive: true })
}

/** A file system that is too small: a typed error, and the old file stands. */
export async function acceptFullDisk(context: AcceptContext): Promise<void> {
  const pith = new PithCommand(context.pith)
  const folder = cacheFolder(context.cache, 'full')
  const disk = join(folder, 'disk')
  mkdirSync(disk, { recursive: true })
  const old = join(folder, 'old.pith')
  const log = realLogs().find((file) => file.name === 'apache_access')!
  await mustRun(pith.compress(realLogs().find((file) => file.name === 'Apache_2k')!.path, old, 'fast'))
  const target = join(disk, 'log.pith')
  const failing = `! ${quoted(pith.compress(log.path, target, 'fast'))} 2>'${folder}/said'`
  const script = `mount -t tmpfs -o size=64k tmpfs '${disk}' && cp '${old}' '${target}' && ${failing} && cmp '${old}' '${target}' && [ "$(ls -A '${disk}')" = log.pith ]`
  const { code, stderr } = await runProcess(['unshare', '-rm', 'bash', '-c', script])
  const said = existsSync(join(folder, 'said')) ? readFileSync(join(folder, 'said'), 'utf8') : ''
  const ok = code === 0 && /PITH_IO/.test(said)
  context.check(
    'a full disk: a typed error, the old file, nothing beside it',
    ok,
    ok ? said.split('\n')[0]!.slice(0, 120) : `${stderr}${said}`.trim().slice(0, 200),
  )
  rmSync(folder, { recursive: true, force: true })
}

/** How often a log is flushed while it comes in. */
const FLUSHES = [10, 100, 1000]

/** Flushes of one log from a pipe, against one shot. */
export async function acceptFlush(context: AcceptContext): Promise<void> {
  const pith = new PithCommand(context.pith)
  const folder = cacheFolder(context.cache, 'flush')
  const log = realLogs().find((file) => file.name === 'Linux_full')!
  const once = (await pith.sizeOf(log.path, join(folder, 'once.pith'), 'default')).bytes
  for (const wanted of FLUSHES) await flushOften(wanted, log.path, once, folder, context)
  rmSync(folder, { recursive: true })
}

async function flushOften(
  wanted: number,
  log: string,
  once: number,
  folder: string,
  context: AcceptContext,
): Promise<void> {
  const pith = new PithCommand(context.pith)
  const bytes = readFileSync(log)
  const out = join(folder, 'flushed.pith')
  const [program = '', ...words] = pith.line('compress', '--quiet', '--force', '--flush', '10ms', '-o', out, '-')
  const child = spawn(program, words, { stdio: ['pipe', 'ignore', 'inherit'] })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const sizeOfOutput = () => (existsSync(out) ? statSync(out).size : 0)
  for (let i = 0; i < wanted; i++) {
    const before = sizeOfOutput()
    child.stdin.write(
      bytes.subarray(Math.floor((bytes.length * i) / wanted), Math.floor((bytes.length * (i + 1)) / wanted)),
    )
    // The next part follows when this one is durable (the file changed and stays as it is), or after a while.
    for (let tries = 0, same = 0, last = before; tries < 400 && same < 3; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 5))
      const size = sizeOfOutput()
      same = size !== before && size === last ? same + 1 : 0
      last = size
    }
  }
  const killed = join(folder, 'killed.pith')
  copyFileSync(out, killed)
  child.stdin.end()
  if ((await ended) !== 0) throw new Error('compress --flush failed')
  const back = join(folder, 'back')
  await mustRun(pith.decompress(killed, back))
  const held = readFileSync(back)
  context.check(
    `what a kill behind ${wanted} flushes leaves comes back`,
    held.length >= bytes.length * (1 - 2 / wanted) && bytes.subarray(0, held.length).equals(held),
    `${held.length} bytes of ${bytes.length}`,
  )
  atMost(context, `${wanted} flushes of Linux_full, killed, over one shot`, statSync(killed).size / once, 1.5)
  const report = join(folder, 'report')
  await mustRun(pith.line('verify', '--json', out), { stdout: report })
  const commits = Number(/"commit":\s*(\d+)/.exec(readFileSync(report, 'utf8'))?.[1] ?? 0)
  await mustRun(pith.decompress(out, back))
  context.check('a flushed log comes back', await sameBytes(log, back), `${commits} commits of ${wanted} writes`)
  context.check('flushes are commits', commits >= wanted * 0.9, `${commits} (at least ${Math.round(wanted * 0.9)})`)
  atMost(context, `${wanted} flushes of Linux_full, closed, over one shot`, statSync(out).size / once, 1.1)
  await mustRun(pith.line('repack', '--quiet', out))
  atMost(context, `${wanted} flushes, after repack over one shot`, statSync(out).size / once, 1.02)
  await mustRun(pith.decompress(out, back))
  context.check('a repacked log comes back', await sameBytes(log, back), 'Linux_full')
}

/** Every truncation and many bit flips of small files: the right answer or a typed error. */
export async function acceptDamages(context: AcceptContext): Promise<void> {
  const text = readFileSync(realLogs().find((file) => file.name === 'Apache_2k')!.path).subarray(0, 12_000)
  const random = randomWords(31)
  for (const level of LEVELS) {
    const parts: Uint8Array[] = []
    for await (const part of compressLog(text, { level, chunkBytes: 4096 })) parts.push(part)
    const whole = Buffer.concat(parts)
    const bad: string[] = []
    let wrong = 0
    const tell = async (name: string, bytes: Uint8Array, isCut: boolean) => {
      try {
        const back: Uint8Array[] = []
        for await (const part of decompressLog(new Uint8Array(bytes))) back.push(part.slice())
        const all = Buffer.concat(back)
        // What is cut may end at an earlier commit; what is flipped must not come back changed.
        const isRight = all.equals(text) || (isCut && text.subarray(0, all.length).equals(all))
        if (!isRight) bad.push(`${name}: other bytes`)
      } catch (error) {
        wrong++
        if (!isPithError(error)) bad.push(`${name}: ${error}`)
      }
    }
    for (let length = 0; length < whole.length; length++)
      await tell(`cut at ${length}`, whole.subarray(0, length), true)
    const flips = Math.max(100, Math.round(2000 * Math.min(1, context.scale)))
    for (let i = 0; i < flips; i++) {
      const copy = Buffer.from(whole)
      const bit = random() % (whole.length * 8)
      copy[bit >> 3]! ^= 1 << (bit & 7)
      await tell(`bit ${bit}`, copy, false)
    }
    const figure =
      bad.length === 0 ? `${whole.length} cuts, ${flips} flips, ${wrong} typed errors` : bad.slice(0, 3).join('; ')
    context.check(`${level}: cuts and flipped bits give the right answer or a typed error`, bad.length === 0, figure)
  }
}

/** Bytes of the line: what holds for these holds for any number, since nothing is kept of it. */
const EXPANSION = 2e9

/** A true expansion streams in bounded memory, within what the user allows. */
export async function acceptExpansion(context: AcceptContext): Promise<void> {
  const pith = new PithCommand(context.pith)
  const folder = cacheFolder(context.cache, 'expand')
  const packed = join(folder, 'line.pith')
  const bytes = Math.round(EXPANSION * context.scale)
  const write = quoted(pith.line('compress', '--quiet', '--force', '--level', 'fast', '-o', packed, '-'))
  const cost = await mustRun(pipe(`head -c ${bytes} /dev/zero | tr '\\0' x | ${write}`))
  const size = statSync(packed).size
  context.say(
    `${(bytes / 1e9).toFixed(1)} GB of one line in ${size} bytes, ${(cost.wallMs / 1000).toFixed(0)} s, peak ${(cost.peakBytes / 1e6).toFixed(0)} MB`,
  )
  const count = join(folder, 'count')
  const back = await runProcess(pipe(`${quoted(pith.line('decompress', '--quiet', '-o', '-', packed))} | wc -c`), {
    stdout: count,
  })
  const came = Number(readFileSync(count, 'utf8'))
  context.check(
    `a line of ${bytes / 1e9} GB streams out`,
    back.code === 0 && came === bytes,
    `${came} bytes, ${(back.wallMs / 1000).toFixed(0)} s`,
  )
  costAtMost(context, 'its peak memory in MB', back.peakBytes / 1e6, 400, 0)
  const refused = await runProcess(
    pith.line('decompress', '--limit', String(Math.round(bytes / 10)), '-o', '-', packed),
  )
  context.check(
    'a limit refuses it',
    refused.code === 1 && /PITH_LIMIT/.test(refused.stderr),
    refused.stderr.trim().split('\n')[0]?.slice(0, 120) ?? '',
  )
  rmSync(folder, { recursive: true })
}

/** Bytes of a chunk of the file that is cut. */
const CUT_CHUNK_BYTES = 2 ** 20

/** Files end cut: what stands is read, what is lost is said. */
export async function acceptCutFile(context: AcceptContext): Promise<void> {
  const pith = new PithCommand(context.pith)
  const folder = cacheFolder(context.cache, 'cut')
  const file = sampleFile(context.cache, Math.max(1, Math.round(64 * context.scale)), 'Linux_full')
  const packed = join(folder, 'log.pith')
  await mustRun(pith.line('compress', '--quiet', '--force', '--level', 'fast', '--chunk', '1MiB', '-o', packed, file))
  truncateSync(packed, Math.round(statSync(packed).size / 2))
  const { code, stderr } = await runProcess(pith.line('repair', '-o', join(folder, 'repaired.pith'), packed))
  await runProcess(pith.decompress(join(folder, 'repaired.pith'), join(folder, 'back')))
  const back = existsSync(join(folder, 'back')) ? readFileSync(join(folder, 'back')) : Buffer.alloc(0)
  const isStart = readFileSync(file).subarray(0, back.length).equals(back)
  const share = back.length / statSync(file).size
  const chunks = Math.max(3, Math.floor(statSync(file).size / CUT_CHUNK_BYTES))
  context.check(
    'repair saves the chunks of a file cut in half',
    // Half of the file less the chunk that the cut goes through; chunks are not of equal size when coded.
    isStart && share > 0.5 - 1.1 / chunks,
    `exit ${code}, ${(share * 100).toFixed(0)} % came back ${stderr.trim().split('\n')[0]?.slice(0, 100) ?? ''}`,
  )
  rmSync(folder, { recursive: true })
}
