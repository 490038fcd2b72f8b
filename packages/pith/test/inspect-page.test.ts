import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openFolder, type TestPage } from '../../../scripts/browser/open-page.ts'
import { makeFolder, pith } from './host.ts'

const tmp = makeFolder()
const sample = new URL('../../../examples/sample/', import.meta.url)
const at = (name: string): string => join(tmp, name)

/** What a hostile client may have made a server write. */
const HOSTILE = [
  '</script><script>globalThis.hit = 1</script>',
  '"><img src=http://127.0.0.1:9/x.png onerror="globalThis.hit=1">',
  "' onmouseover='globalThis.hit=1",
  '<!--<style>body{display:none}',
  '&lt;b&gt; \u202egnp.exe\u202c \u0000 \u001b[2J',
]

beforeAll(async () => {
  const access = readFileSync(new URL('access.log', sample))
  writeFileSync(at('access.log'), access.subarray(0, 400_000))
  const lines = Array.from({ length: 400 }, (_, i) => {
    const time = new Date(Date.UTC(2024, 1, 1) + i * 60_000).toISOString()
    return `${time} request ${i} ${HOSTILE[i % HOSTILE.length]} from host-${i % 7}\n`
  })
  writeFileSync(at('hostile.log'), lines.join(''))
  mkdirSync(at('folder'))
  copyFileSync(new URL('error.log', sample), at('folder/error.log'))
  copyFileSync(at('hostile.log'), at('folder/<b>hostile.log'))
  writeFileSync(
    at('folder/numbers.bin'),
    Uint8Array.from({ length: 20_000 }, (_, i) => (i * i) >> 6),
  )
  writeFileSync(at('empty'), '')
  await pith(tmp, 'compress TMP/access.log -o TMP/chunks.pith --method logzip --level fast --chunk 64K')
  await pith(tmp, 'compress TMP/access.log -o TMP/one.pith --method logzip')
  await pith(tmp, 'compress TMP/hostile.log -o TMP/hostile.pith --method logzip --level fast')
  await pith(tmp, 'compress TMP/folder -o TMP/archive.pith')
  await pith(tmp, 'compress TMP/folder/numbers.bin -o TMP/numbers.pith --method general')
  await pith(tmp, 'compress TMP/empty -o TMP/empty.pith')
})

/** The page of a file. */
async function pageOf(name: string): Promise<string> {
  const { code, out, bytes, err } = await pith(tmp, ['inspect', '--html', '-', `TMP/${name}`])
  expect([code, err]).toEqual([0, ''])
  expect(out).toMatch(/^<!doctype html>/)
  return bytes.toString()
}

/** Numbers in the column of bytes of the first table. */
function bytesOf(page: string): { rows: number[]; all: number } {
  const table = /<table id="slices">.*?<\/table>/s.exec(page)?.[0] ?? ''
  const numbers = [...table.matchAll(/<td class="n">([\d,]+)<\/td>/g)].map((match) =>
    Number(match[1]!.replaceAll(',', '')),
  )
  return { rows: numbers.slice(0, -1), all: numbers.at(-1) ?? -1 }
}

test.each(['one', 'chunks', 'hostile', 'archive', 'numbers', 'empty'])(
  'the bytes of %s.pith add up to its size',
  async (name) => {
    const { rows, all } = bytesOf(await pageOf(`${name}.pith`))
    expect(all).toBe(statSync(at(`${name}.pith`)).size)
    expect(rows.reduce((sum, bytes) => sum + bytes, 0)).toBe(all)
    expect(rows.every((bytes) => bytes > 0)).toBe(true)
  },
)

test('nothing of a log becomes markup, and what cannot be seen is spelt', async () => {
  for (const name of ['hostile.pith', 'archive.pith']) {
    const page = await pageOf(name)
    expect(page.match(/<script/g)).toHaveLength(1)
    expect(page.match(/<style/g)).toHaveLength(1)
    for (const bad of ['<img', '<b>hostile', '<!--', '\u202e', '\u0000', '\u001b']) expect(page).not.toContain(bad)
    expect(page).toContain('&lt;/script&gt;&lt;script&gt;globalThis')
  }
})

test('a page is written like any output', async () => {
  expect((await pith(tmp, 'inspect --html TMP/page.html TMP/one.pith')).out).toBe('')
  expect((await pith(tmp, 'inspect --html TMP/page.html TMP/one.pith')).code).not.toBe(0)
  const both = await pith(tmp, 'inspect --json --force --html TMP/page.html TMP/one.pith')
  expect(JSON.parse(both.out)).toMatchObject({ ok: true, form: 'solo' })
  expect(readFileSync(at('page.html'), 'utf8')).toBe(await pageOf('one.pith'))
})

describe('in Chromium', () => {
  let chromium: TestPage

  beforeAll(async () => {
    chromium = await openFolder(async (folder) => {
      for (const name of ['one', 'chunks', 'hostile', 'archive']) {
        writeFileSync(join(folder, `${name}.html`), await pageOf(`${name}.pith`))
      }
      copyFileSync(join(folder, 'one.html'), join(folder, 'index.html'))
    })
  })
  afterAll(() => chromium.close())

  test.each(['one', 'chunks', 'hostile', 'archive'])('%s.html asks for nothing and has no errors', async (name) => {
    const before = chromium.requested.length
    await chromium.page.goto(`${chromium.server.url}${name}.html`)
    expect(chromium.requested.slice(before).filter((url) => !url.startsWith('data:'))).toEqual([
      `${chromium.server.url}${name}.html`,
    ])
    expect(chromium.errors).toEqual([])
    expect(await chromium.page.evaluate(() => 'hit' in globalThis)).toBe(false)
    // As wide as the window: only tables scroll.
    expect(await chromium.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBe(0)
  })

  test('templates are filtered by text', async () => {
    const { page } = chromium
    await page.goto(`${chromium.server.url}hostile.html`)
    const rows = page.locator('#log0t tbody tr')
    const all = await rows.count()
    await page.getByRole('searchbox', { name: 'Filter' }).fill('onmouseover')
    const shown = await rows.filter({ visible: true }).count()
    expect(shown).toBeGreaterThan(0)
    expect(shown).toBeLessThan(all)
    expect(await page.locator('output').textContent()).toBe(`${shown} of ${all}`)
  })

  test('tiles are reached by keyboard, lead to their rows and say what they are', async () => {
    const { page } = chromium
    await page.goto(`${chromium.server.url}chunks.html`)
    const tile = page.locator('a.tile').first()
    expect(await tile.getAttribute('aria-label')).toMatch(/^.+: [\d.]+ k?B, [\d.]+ %$/)
    await tile.focus()
    await page.keyboard.press('Enter')
    expect(page.url()).toMatch(/#log0c\d+$/)
    expect(await page.locator('tr:target').count()).toBe(1)
    const strips = page.locator('#log0t svg')
    expect(await strips.first().getAttribute('aria-label')).toMatch(/^[\d,]+ lines in \d+ of 60 steps, most about .+$/)
  })

  test.each(['light', 'dark'] as const)('text stands out from its ground when it is %s', async (colorScheme) => {
    const { page } = chromium
    await page.emulateMedia({ colorScheme })
    await page.goto(`${chromium.server.url}archive.html`)
    const weak = await page.evaluate(() => {
      const light = (colour: string): number => {
        const [r = 0, g = 0, b = 0] = (colour.match(/[\d.]+/g) ?? []).map(Number).map((value) => {
          const c = value / 255
          return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
        })
        return 0.2126 * r + 0.7152 * g + 0.0722 * b
      }
      const groundOf = (element: Element | null): string => {
        for (let own = element; own !== null; own = own.parentElement) {
          const colour = getComputedStyle(own).backgroundColor
          if (!/^rgba\(.*, 0\)$/.test(colour)) return colour
        }
        return 'rgb(255,255,255)'
      }
      return [...document.querySelectorAll('h1,h2,p,dt,dd,th,td,.tile,.slot,footer')].flatMap((element) => {
        const [a, b] = [light(getComputedStyle(element).color), light(groundOf(element))]
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
        return contrast < 4.5 ? [`${element.className} ${element.tagName} ${contrast}`] : []
      })
    })
    expect(weak).toEqual([])
  })
})
