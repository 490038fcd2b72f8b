const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB']

/** A size for people in decimal units, `1.53 MB` = 1,530,000 bytes; three digits. */
export function formatBytes(bytes: number): string {
  return scale(bytes, 1000, DECIMAL)
}

/** A size for people in binary units, `1.50 MiB` = 1,572,864 bytes; three digits. */
export function formatBinaryBytes(bytes: number): string {
  return scale(bytes, 1024, BINARY)
}

function scale(bytes: number, step: number, units: readonly string[]): string {
  let value = Math.abs(bytes)
  let unit = 0
  // Rounding may reach the next unit: 999,999 is 1.00 MB, not 1000 kB.
  while (unit < units.length - 1 && Math.round(value) >= step) {
    value /= step
    unit++
  }
  return `${bytes < 0 ? '-' : ''}${unit === 0 ? Math.round(value) : digits(value)} ${units[unit]}`
}

/** A ratio for people, `12.4x`. */
export function formatRatio(ratio: number): string {
  return Number.isFinite(ratio) ? `${digits(ratio)}x` : '-'
}

/** A share for people, `48.1 %`. */
export function formatShare(share: number): string {
  return Number.isFinite(share) ? `${digits(100 * share)} %` : '-'
}

/** A time for people: `320 ms`, `4.21 s`, `3 min 05 s`, `2 h 10 min`. */
export function formatDuration(ms: number): string {
  if (!(ms >= 0)) return '-'
  if (ms < 999.5) return `${ms < 9.95 ? Number(ms.toPrecision(2)) : Math.round(ms)} ms`
  if (ms < 59_950) return `${digits(ms / 1000)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`
  const minutes = Math.round(seconds / 60)
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`
}

/** A whole number with commas, `12,345,678`; the same in every locale. */
export function formatCount(count: number): string {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ',')
}

function pad(value: number): string {
  return String(value).padStart(2, '0')
}

function digits(value: number): string {
  const size = Math.abs(value)
  if (size >= 99.95) return String(Math.round(value))
  return value.toFixed(size >= 9.995 ? 1 : 2)
}
