import { PithError } from './errors.ts'
import { formatBytes, formatDuration, formatRatio } from './human.ts'

/** One figure of quality in the domain's own measure. */
export interface Measure {
  value: number
  unit: string
  /** Number of items it was measured on. */
  n?: number
  /** Interval of 95 % where the figure is sampled. */
  interval?: [low: number, high: number]
}

/** SHA-256 of a profile, in lower-case hex. */
export type Fingerprint = string

/** What every encode returns. */
export interface Report {
  codec: string
  bytesIn: number
  bytesOut: number
  /** `bytesIn / bytesOut`. */
  ratio: number
  quality: Record<string, Measure>
  ms: number
  /** Peak resident memory in bytes, where the platform tells. */
  peakRss?: number
  profile?: Fingerprint
}

/** What a codec knows at the end of an encode. */
export interface ReportInput {
  codec: string
  bytesIn: number
  bytesOut: number
  quality?: Record<string, Measure>
  /** `performance.now()` at the start. */
  startedAt: number
  peakRss?: number
  profile?: Fingerprint
}

/**
 * Complete a report: ratio and time.
 *
 * @throws PithError `PITH_INTERNAL` a size that is no count of bytes
 */
export function makeReport(input: ReportInput): Report {
  const { codec, bytesIn, bytesOut, quality = {}, startedAt } = input
  for (const bytes of [bytesIn, bytesOut]) {
    if (!(Number.isSafeInteger(bytes) && bytes >= 0)) throw new PithError('PITH_INTERNAL', `${bytes} is no size`)
  }
  return {
    codec,
    bytesIn,
    bytesOut,
    ratio: bytesOut === 0 ? 1 : bytesIn / bytesOut,
    quality,
    ms: Math.max(0, performance.now() - startedAt),
    ...(input.peakRss === undefined ? {} : { peakRss: input.peakRss }),
    ...(input.profile === undefined ? {} : { profile: input.profile }),
  }
}

/** One line for people: `logzip: 12.5 MB -> 800 kB, 15.6x, psnr 38.1 dB, 1.20 s`. */
export function formatReport(report: Report): string {
  const parts = [
    `${formatBytes(report.bytesIn)} -> ${formatBytes(report.bytesOut)}`,
    formatRatio(report.ratio),
    ...Object.entries(report.quality).map(([name, measure]) => `${name} ${formatMeasure(measure)}`),
    formatDuration(report.ms),
  ]
  return `${report.codec}: ${parts.join(', ')}`
}

/** A measure for people: `38.1 dB [37.9, 38.3]`. */
export function formatMeasure(measure: Measure): string {
  const value = Number(measure.value.toPrecision(4))
  const unit = measure.unit === '' ? '' : ` ${measure.unit}`
  if (measure.interval === undefined) return `${value}${unit}`
  const [low, high] = measure.interval.map((end) => Number(end.toPrecision(4)))
  return `${value}${unit} [${low}, ${high}]`
}
