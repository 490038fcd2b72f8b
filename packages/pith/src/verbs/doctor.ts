import { accessSync, constants, readFileSync } from 'node:fs'
import { availableParallelism, tmpdir, totalmem } from 'node:os'
import {
  type Arguments,
  type CommandContext,
  equalBytes,
  formatBinaryBytes,
  MemorySink,
  type RoomCheck,
  toSource,
} from '@pith/core'
import { createContainer, openContainer } from '@pith/core/container'
import { encodeWith } from '../input/encode-entry.ts'
import { decodedBytes } from '../input/open-file.ts'
import { installedRooms, roomPackages } from '../manifest/rooms.ts'
import { codecs } from '../systems/codecs.ts'

const LEAST_NODE = [22, 18]
const SAMPLE = Array.from(
  { length: 400 },
  (_, i) => `2024-05-01 10:00:${10 + (i % 50)} worker ${i} done in ${i * 7} ms\n`,
)

export async function run(_args: Arguments, context: CommandContext): Promise<number> {
  const checks = [checkNode(), checkMachine(), checkTemporary(), ...(await checkCodecs()), ...(await checkRooms())]
  const rooms = roomPackages()
  const ok = checks.every((check) => check.ok)
  if (context.json) {
    await context.report({ ok, checks, rooms })
    return ok ? 0 : 1
  }
  for (const { name, ok: good, says } of checks) {
    await context.stdout.write(`${good ? 'ok  ' : 'FAIL'}  ${name.padEnd(10)}  ${says}\n`)
  }
  const installed = rooms.filter((room) => room.installed).map((room) => room.name)
  await context.stdout.write(
    `      rooms       ${installed.length === 0 ? 'no optional ones' : installed.join(', ')}\n`,
  )
  return ok ? 0 : 1
}

function checkNode(): RoomCheck {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const [leastMajor = 0, leastMinor = 0] = LEAST_NODE
  const ok = major > leastMajor || (major === leastMajor && minor >= leastMinor)
  const says = `${process.versions.node}, brotli ${process.versions.brotli}, ${process.platform} ${process.arch}`
  return { name: 'node', ok, says: ok ? says : `${says}; ${LEAST_NODE.join('.')} or newer is needed` }
}

function checkMachine(): RoomCheck {
  return { name: 'machine', ok: true, says: `${availableParallelism()} CPUs, ${formatBinaryBytes(memory())} of memory` }
}

/** What this process may use: a container's limit, or what the machine has. */
function memory(): number {
  try {
    const limit = Number(readFileSync('/sys/fs/cgroup/memory.max', 'utf8'))
    if (Number.isFinite(limit)) return Math.min(limit, totalmem())
  } catch {
    // Not there on every system.
  }
  return totalmem()
}

function checkTemporary(): RoomCheck {
  const folder = tmpdir()
  try {
    accessSync(folder, constants.W_OK)
    return { name: 'temporary', ok: true, says: folder }
  } catch {
    return { name: 'temporary', ok: false, says: `${folder} cannot be written; set TMPDIR` }
  }
}

/** Compress and decompress a small sample with each codec. */
async function checkCodecs(): Promise<RoomCheck[]> {
  const sample = new TextEncoder().encode(SAMPLE.join(''))
  const checks: RoomCheck[] = []
  for (const id of codecs().ids('codec')) {
    try {
      const codec = await codecs().load('codec', id)
      const sink = new MemorySink()
      const container = createContainer(sink)
      const entry = await container.entry({ codec: id, version: codec.version })
      await encodeWith(codec, toSource(sample), entry, {}, {})
      await entry.finish()
      await container.finish()
      const back = await (await openContainer(sink.bytes())).entry(1)
      const parts: Uint8Array[] = []
      if (back !== undefined) for await (const part of decodedBytes(back, {})) parts.push(part)
      const ok = equalBytes(sample, Buffer.concat(parts))
      const says = `version ${codec.version}, ${sample.length} -> ${sink.bytes().length} bytes and back`
      checks.push({ name: id, ok, says: ok ? says : `${says}: not what went in` })
    } catch (error) {
      checks.push({ name: id, ok: false, says: error instanceof Error ? error.message : String(error) })
    }
  }
  return checks
}

/** What the rooms that are installed say of themselves. */
async function checkRooms(): Promise<RoomCheck[]> {
  const rooms = await installedRooms()
  return (await Promise.all(rooms.map((room) => room.checks?.() ?? []))).flat()
}
