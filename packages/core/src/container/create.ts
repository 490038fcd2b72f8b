import type { FileSink, Sink } from '../io.ts'
import type { FileContainerWriter } from './file-writer.ts'
import { createInFile } from './file-writer.ts'
import type { ContainerOptions, ContainerWriter } from './writer.ts'
import { ChunkWriter, freshState } from './writer.ts'

/**
 * Write a container front to back.
 *
 * @param sink  any sink; `commit` needs one with `flush`, `supersede` and `continueEntry` a file that is empty
 * @throws PithError `PITH_ARG`; what the sink throws; the abort reason
 */
export function createContainer(sink: FileSink, options?: ContainerOptions): FileContainerWriter
export function createContainer(sink: Sink, options?: ContainerOptions): ContainerWriter
export function createContainer(sink: Sink, options: ContainerOptions = {}): ContainerWriter {
  return isFileSink(sink) ? createInFile(sink, options) : new ChunkWriter(sink, freshState(), options)
}

function isFileSink(sink: Sink): sink is FileSink {
  return 'readAt' in sink && 'writeAt' in sink && 'truncate' in sink
}
