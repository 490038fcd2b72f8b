/** Plots of what was measured: rate against loss, and time against bandwidth. */

import type { ArrivalLine } from './arrivals.ts'
import type { BenchRow } from './bench.ts'
import { drawLines } from './plot-lines.ts'

/** Losses below this stand on the lowest line: they are noise. */
const LEAST_LOSS = 1e-4

/**
 * Draw losses over bits a number, both in powers; each preset is a line.
 *
 * @param limit nats that are allowed, drawn as a line
 */
export function plotRates(rows: readonly BenchRow[], limit: number, title: string): string {
  const presets = [...new Set(rows.map((row) => row.preset))]
  return drawLines({
    title,
    x: { label: 'bits a number', base: 2, values: rows.map((row) => row.bitsPerElem) },
    y: {
      label: 'nats a token',
      base: 10,
      values: [LEAST_LOSS, limit, ...rows.map((row) => row.dNLL)],
      least: LEAST_LOSS,
    },
    mark: limit,
    lines: presets.map((name) => ({
      name,
      points: rows
        .filter((row) => row.preset === name)
        .sort((a, b) => a.bitsPerElem - b.bitsPerElem)
        .map(({ bitsPerElem, dNLL, setting }) => ({
          x: bitsPerElem,
          y: dNLL,
          says: `${name} ${setting}: ${bitsPerElem.toFixed(2)} bits, ${dNLL.toFixed(4)} nats`,
        })),
    })),
  })
}

/** Draw seconds until a cache is ready over the bandwidth, both in powers. */
export function plotArrivals(lines: readonly ArrivalLine[], slo: number, title: string): string {
  const all = lines.flatMap(({ points }) => points)
  return drawLines({
    title,
    x: { label: 'Mbit/s', base: 10, values: all.map(({ mbps }) => mbps) },
    y: { label: 'seconds', base: 10, values: [slo, ...all.map(({ seconds }) => seconds)] },
    mark: slo,
    lines: lines.map(({ name, points }) => ({
      name,
      points: points.map(({ mbps, seconds, damage }) => ({
        x: mbps,
        y: seconds,
        says: `${name}: ${seconds.toFixed(3)} s at ${mbps} Mbit/s, ${damage.toFixed(4)} nats`,
      })),
    })),
  })
}
