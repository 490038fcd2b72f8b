/** A time by the clock of a log, to the second; without the year where the log has none. */
export function showTime(time: number, dated: boolean): string {
  const text = new Date(time).toISOString().slice(0, 19).replace('T', ' ')
  return dated ? text : text.slice(5)
}
