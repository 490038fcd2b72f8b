/**
 * Rows of cells as lines of columns, two blanks apart.
 *
 * @param sides  `l` or `r` for each column
 */
export function textTable(rows: readonly (readonly string[])[], sides: string): string {
  const widths = [...sides].map((_, column) => rows.reduce((most, row) => Math.max(most, row[column]?.length ?? 0), 0))
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        sides[column] === 'r' ? cell.padStart(widths[column] as number) : cell.padEnd(widths[column] as number),
      )
      .join('  ')
      .trimEnd(),
  )
  return lines.map((line) => `${line}\n`).join('')
}
