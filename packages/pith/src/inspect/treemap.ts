/** A rectangle, in the units of the box it lies in. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/**
 * Lay out areas as a squarified treemap (Bruls, Huizing, van Wijk 2000).
 *
 * @param weights  > 0, largest first
 * @returns a box for each weight, which together fill `box`
 */
export function squarify(weights: readonly number[], box: Box): Box[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const scale = total > 0 ? (box.width * box.height) / total : 0
  const areas = weights.map((weight) => weight * scale)
  const boxes: Box[] = []
  let { x, y, width, height } = box
  for (let at = 0; at < areas.length; ) {
    const side = Math.min(width, height)
    let end = at + 1
    let sum = areas[at]!
    while (
      end < areas.length &&
      worst(areas, at, end + 1, sum + areas[end]!, side) <= worst(areas, at, end, sum, side)
    ) {
      sum += areas[end++]!
    }
    const depth = side > 0 ? sum / side : 0
    let along = 0
    for (let i = at; i < end; i++) {
      const length = sum > 0 ? (areas[i]! / sum) * side : 0
      boxes.push(
        width >= height
          ? { x, y: y + along, width: depth, height: length }
          : { x: x + along, y, width: length, height: depth },
      )
      along += length
    }
    if (width >= height) {
      x += depth
      width -= depth
    } else {
      y += depth
      height -= depth
    }
    at = end
  }
  return boxes
}

/** Worst ratio of sides in a row of areas along a side. */
function worst(areas: readonly number[], from: number, to: number, sum: number, side: number): number {
  const squared = side * side
  const largest = areas[from]!
  const least = areas[to - 1]!
  return Math.max((squared * largest) / (sum * sum), (sum * sum) / (squared * least))
}
