/**
 * Timestamps to ticks and back. Ticks count 10^-k seconds (k digits of fraction) from 1970-01-01 00:00:00; a layout
 * without a year stands in the leap year 2000, one without a date on the first day. Times before 1970 are no times here. Layouts are compiled by timestamps.ts.
 */
import type { f64, i32 } from '@pith/core/wasm/memory'
import { floorF64, ld8, ld16, ld32, ldf64, sdiv, st8, st32, stf64, toF64, toI32 } from '@pith/core/wasm/memory'

/** Days from 0000-03-01 to 1970-01-01. */
const EPOCH: i32 = 719468

/** Days from 1970-01-01 to a date of the Gregorian calendar (H. Hinnant, days_from_civil). */
function daysOf(year: i32, month: i32, day: i32): i32 {
  const y: i32 = month <= 2 ? year - 1 : year
  const era: i32 = sdiv(y, 400)
  const yoe: i32 = y - era * 400
  const mp: i32 = month > 2 ? month - 3 : month + 9
  const doy: i32 = sdiv(153 * mp + 2, 5) + day - 1
  return era * 146097 + yoe * 365 + sdiv(yoe, 4) - sdiv(yoe, 100) + doy - EPOCH
}

let civilYear: i32 = 0
let civilMonth: i32 = 0
let civilDay: i32 = 0
let civilOf: i32 = -1

function setCivil(unixDays: i32): void {
  if (unixDays === civilOf) return
  civilOf = unixDays
  const days: i32 = unixDays + EPOCH
  const era: i32 = sdiv(days, 146097)
  const doe: i32 = days - era * 146097
  const yoe: i32 = sdiv(doe - sdiv(doe, 1460) + sdiv(doe, 36524) - sdiv(doe, 146096), 365)
  const doy: i32 = doe - (365 * yoe + sdiv(yoe, 4) - sdiv(yoe, 100))
  const mp: i32 = sdiv(5 * doy + 2, 153)
  civilDay = doy - sdiv(153 * mp + 2, 5) + 1
  civilMonth = mp < 10 ? mp + 3 : mp - 9
  civilYear = yoe + era * 400 + (civilMonth <= 2 ? 1 : 0)
}

/** Three letters in one number, so that names compare at once. */
function letters(p: i32): i32 {
  return (ld8(p) << 16) | (ld8(p + 1) << 8) | ld8(p + 2)
}

function monthName(month: i32): i32 {
  switch (month) {
    case 1:
      return 0x4a616e
    case 2:
      return 0x466562
    case 3:
      return 0x4d6172
    case 4:
      return 0x417072
    case 5:
      return 0x4d6179
    case 6:
      return 0x4a756e
    case 7:
      return 0x4a756c
    case 8:
      return 0x417567
    case 9:
      return 0x536570
    case 10:
      return 0x4f6374
    case 11:
      return 0x4e6f76
    default:
      return 0x446563
  }
}

/** Name of the weekday of a day number; 1970-01-01 was a Thursday. */
function dayName(days: i32): i32 {
  switch (days - sdiv(days, 7) * 7) {
    case 0:
      return 0x546875
    case 1:
      return 0x467269
    case 2:
      return 0x536174
    case 3:
      return 0x53756e
    case 4:
      return 0x4d6f6e
    case 5:
      return 0x547565
    default:
      return 0x576564
  }
}

let cursor: i32 = 0

/** `count` digits at the cursor, or -1. */
function fixedDigits(count: i32, end: i32): i32 {
  if (end - cursor < count) return -1
  let v: i32 = 0
  for (let i: i32 = 0; i < count; i++) {
    const c: i32 = ld8(cursor + i) - 48
    if (c < 0 || c > 9) return -1
    v = v * 10 + c
  }
  cursor += count
  return v
}

/** One to `most` digits without a leading zero, or -1. */
function freeDigits(most: i32, end: i32): i32 {
  let v: i32 = 0
  let n: i32 = 0
  while (n < most && cursor < end) {
    const c: i32 = ld8(cursor) - 48
    if (c < 0 || c > 9) break
    if (n === 1 && v === 0) return -1
    v = v * 10 + c
    n++
    cursor++
  }
  return n === 0 ? -1 : v
}

function daysIn(month: i32, year: i32): i32 {
  if (month === 2) {
    const leap: i32 =
      (year & 3) === 0 && (year - sdiv(year, 100) * 100 !== 0 || year - sdiv(year, 400) * 400 === 0) ? 1 : 0
    return 28 + leap
  }
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Ticks of the text from `start` to `end`, or -1 where formatting them would not give the same bytes. */
export function parseTime(program: i32, start: i32, end: i32): f64 {
  cursor = start
  let year: i32 = 2000
  let month: i32 = 3
  let day: i32 = 1
  let dated: i32 = 0
  let hour: i32 = 0
  let minute: i32 = 0
  let second: i32 = 0
  let fraction: i32 = 0
  let scale: i32 = 1
  let weekday: i32 = 0
  for (let p: i32 = program; ; p += 2) {
    const op: i32 = ld16(p)
    if (op === 0) break
    let v: i32 = 0
    const field: i32 = op & 255
    if (field === 0) {
      if (cursor >= end || ld8(cursor) !== op >> 8) return -1
      cursor++
    } else if (field === 89) {
      v = fixedDigits(4, end)
      year = v
      dated = 1
    } else if (field === 121) {
      v = fixedDigits(2, end)
      year = 2000 + v
      dated = 1
    } else if (field === 109) {
      v = fixedDigits(2, end)
      month = v
      dated = 1
    } else if (field === 100) {
      v = fixedDigits(2, end)
      day = v
      dated = 1
    } else if (field === 101) {
      if (cursor < end && ld8(cursor) === 32) {
        cursor++
        v = fixedDigits(1, end)
        if (v === 0) return -1
      } else {
        v = fixedDigits(2, end)
        if (v < 10) return -1
      }
      day = v
      dated = 1
    } else if (field === 68) {
      v = freeDigits(2, end)
      day = v
      dated = 1
    } else if (field === 72) {
      v = fixedDigits(2, end)
      hour = v
    } else if (field === 77) {
      v = fixedDigits(2, end)
      minute = v
    } else if (field === 83) {
      v = fixedDigits(2, end)
      second = v
    } else if (field === 104) {
      v = freeDigits(2, end)
      hour = v
    } else if (field === 105) {
      v = freeDigits(2, end)
      minute = v
    } else if (field === 115) {
      v = freeDigits(2, end)
      second = v
    } else if (field === 102) {
      v = freeDigits(3, end)
      fraction = v
      scale = 1000
    } else if (field === 98) {
      if (end - cursor < 3) return -1
      const name: i32 = letters(cursor)
      month = 1
      while (month <= 12 && monthName(month) !== name) month++
      cursor += 3
      dated = 1
    } else if (field === 97) {
      if (end - cursor < 3) return -1
      weekday = letters(cursor)
      cursor += 3
    } else {
      const digits: i32 = field - 48
      v = fixedDigits(digits, end)
      fraction = v
      for (let i: i32 = 0; i < digits; i++) scale *= 10
    }
    if (v < 0) return -1
  }
  if (cursor !== end || hour > 23 || minute > 59 || second > 59) return -1
  let days: i32 = 0
  if (dated !== 0) {
    if (month < 1 || month > 12 || day < 1 || day > daysIn(month, year)) return -1
    days = daysOf(year, month, day)
    if (days < 0) return -1
    if (weekday !== 0 && weekday !== dayName(days)) return -1
  }
  const ticks: f64 = (toF64(days) * 86400 + toF64(hour * 3600 + minute * 60 + second)) * toF64(scale) + toF64(fraction)
  return ticks < 9007199254740992 ? ticks : -1
}

function putDigits(out: i32, v: i32, count: i32): void {
  let rest: i32 = v
  for (let i: i32 = count - 1; i >= 0; i--) {
    const q: i32 = sdiv(rest, 10)
    st8(out + i, 48 + rest - q * 10)
    rest = q
  }
}

function putFree(out: i32, v: i32): i32 {
  const n: i32 = v > 99 ? 3 : v > 9 ? 2 : 1
  putDigits(out, v, n)
  return n
}

function putLetters(out: i32, name: i32): void {
  st8(out, name >> 16)
  st8(out + 1, name >> 8)
  st8(out + 2, name)
}

/** Write ticks in a layout; returns the number of bytes. Ticks that no text has give some text, never more than 80 bytes. */
export function formatTime(program: i32, ticks: f64, out: i32): i32 {
  let scale: i32 = 1
  for (let p: i32 = program; ; p += 2) {
    const op: i32 = ld16(p)
    if (op === 0) break
    const field: i32 = op & 255
    if (field === 102) scale = 1000
    else if (field >= 49 && field <= 54) for (let i: i32 = 48; i < field; i++) scale *= 10
  }
  const seconds: f64 = floorF64(ticks / toF64(scale))
  const fraction: i32 = toI32(ticks - seconds * toF64(scale))
  const wholeDays: f64 = floorF64(seconds / 86400)
  // A hostile file may say any number; its days must stay within four digits of a year.
  const days: i32 = wholeDays > 2932896 ? 2932896 : wholeDays < 0 ? 0 : toI32(wholeDays)
  const ofDay: i32 = toI32(seconds - wholeDays * 86400)
  const hour: i32 = sdiv(ofDay, 3600)
  const minute: i32 = sdiv(ofDay - hour * 3600, 60)
  const second: i32 = ofDay - hour * 3600 - minute * 60
  setCivil(days)
  let at: i32 = out
  for (let p: i32 = program; ; p += 2) {
    const op: i32 = ld16(p)
    if (op === 0) break
    const field: i32 = op & 255
    if (field === 0) {
      st8(at, op >> 8)
      at++
    } else if (field === 89) {
      putDigits(at, civilYear, 4)
      at += 4
    } else if (field === 121) {
      putDigits(at, civilYear - 2000, 2)
      at += 2
    } else if (field === 109) {
      putDigits(at, civilMonth, 2)
      at += 2
    } else if (field === 100) {
      putDigits(at, civilDay, 2)
      at += 2
    } else if (field === 101) {
      putDigits(at, civilDay, 2)
      if (civilDay < 10) st8(at, 32)
      at += 2
    } else if (field === 68) {
      at += putFree(at, civilDay)
    } else if (field === 72) {
      putDigits(at, hour, 2)
      at += 2
    } else if (field === 77) {
      putDigits(at, minute, 2)
      at += 2
    } else if (field === 83) {
      putDigits(at, second, 2)
      at += 2
    } else if (field === 104) {
      at += putFree(at, hour)
    } else if (field === 105) {
      at += putFree(at, minute)
    } else if (field === 115) {
      at += putFree(at, second)
    } else if (field === 102) {
      at += putFree(at, fraction)
    } else if (field === 98) {
      putLetters(at, monthName(civilMonth))
      at += 3
    } else if (field === 97) {
      putLetters(at, dayName(days))
      at += 3
    } else {
      putDigits(at, fraction, field - 48)
      at += field - 48
    }
  }
  return at - out
}

/** Parse `n` rows; rows that are no such time are listed in `exceptions` (row numbers). Returns their number, or -1 past `most`. */
export function parseTimes(program: i32, starts: i32, ends: i32, n: i32, values: i32, exceptions: i32, most: i32): i32 {
  let bad: i32 = 0
  let last: f64 = 0
  for (let i: i32 = 0; i < n; i++) {
    const v: f64 = parseTime(program, ld32(starts + (i << 2)), ld32(ends + (i << 2)))
    if (v < 0) {
      if (bad >= most) return -1
      st32(exceptions + (bad << 2), i)
      bad++
    } else last = v
    stf64(values + (i << 3), last)
  }
  return bad
}

/** Format `n` ticks one behind the other; starts and ends receive the places. Returns the address behind the last. */
export function formatTimes(program: i32, values: i32, n: i32, out: i32, starts: i32, ends: i32): i32 {
  let at: i32 = out
  for (let i: i32 = 0; i < n; i++) {
    st32(starts + (i << 2), at)
    at += formatTime(program, ldf64(values + (i << 3)), at)
    st32(ends + (i << 2), at)
  }
  return at
}
