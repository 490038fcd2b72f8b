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
