import { MemorySink } from '@pith/core'
import { createContainer, openContainer } from '@pith/core/container'
import { openSections, type SectionReader, type SectionWriter, writeSections } from '../src/sections.ts'

/** Write sections into a container in memory and open them again. */
export async function holdSections(fill: (sections: SectionWriter) => Promise<void>): Promise<SectionReader> {
  return openHeld(await sectionBytes(fill))
}

/** The bytes of a container with sections. */
export async function sectionBytes(fill: (sections: SectionWriter) => Promise<void>): Promise<Uint8Array<ArrayBuffer>> {
  const sink = new MemorySink()
  const container = createContainer(sink)
  const entry = await container.entry({ codec: 'index' })
  const sections = writeSections(entry)
  await fill(sections)
  await sections.finish()
  await entry.finish()
  await container.finish()
  return sink.bytes()
}

/** The sections of a container in memory. */
export async function openHeld(bytes: Uint8Array): Promise<SectionReader> {
  const container = await openContainer(bytes)
  const entry = await container.entry(1)
  if (entry === undefined) throw new Error('no entry')
  return openSections(entry, bytes.length)
}
