import fc from 'fast-check'
import { expect, test } from 'vitest'
import { htmlText, readHtml } from './html.ts'
import { htmlTokens } from './html-tokens.ts'
import { readMarkdown } from './markdown.ts'
import { pageDocuments, readPage } from './pages.ts'
import { cutPassages } from './passages.ts'
import { countWords } from './text.ts'

const words = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `w${from + i}`).join(' ')
/** Sentences of ten words. */
const sentences = (count: number) => Array.from({ length: count }, (_, i) => `${words(10, 10 * i)}.`).join(' ')

test('HTML shows what a reader sees', () => {
  const html = `<!DOCTYPE html><html lang=en><head><title>A &amp; B</title><meta name="Keywords" content="x, y">
<style>p { color: red }</style><script>if (a < b) document.write("<p>no</p>")</script></head>
<body><nav>Menu</nav><h1 id="top">The <em>title</em></h1><p>One&nbsp;two<br>three &copy; &#x2014; &#150; &unknown;</p>
<div hidden>no<div>no</div></div><p style="DISPLAY : none">no<p>Yes<!-- no --> it <span aria-hidden="true">no</span>is
<ul><li>a<li hidden>no<li>b</ul><table><tr><td>c<td>d</tr></table><pre>x
  y</pre><img alt="a picture" src=x><template>no</template><svg><title>no</title></svg><textarea>&lt;b></textarea></body>`
  const page = readHtml(html)
  expect(page.title).toBe('A & B')
  expect(page.fields).toEqual({ lang: 'en', keywords: ['x', 'y'] })
  expect(page.blocks).toEqual([
    { level: 1, text: 'The title', id: 'top' },
    ...['One two\nthree © — – &unknown;', 'Yes it is', 'a', 'b', 'c d', 'x\n  y', 'a picture<b>'].map((text) => ({
      level: 0,
      text,
    })),
  ])
})

test.each([
  ['a < b and c <', 'a < b and c <'],
  ['<p>x', 'x'],
  ['</p></div>x<!-- open', 'x'],
  ['<a href="x>y', 'y'],
  ['<script>x', ''],
  ['x<script>y</SCRIPT >z', 'xz'],
  ['<![CDATA[x]]>y', 'y'],
  ['<p hidden>no<p>yes', 'yes'],
  ['<div hidden><p>no</div>yes', 'yes'],
  ["<p title='a>b' hidden=>no</p>yes", 'yes'],
  ['&#0;&#xD800;&#x110000;', '\ufffd\ufffd\ufffd'],
  ['&amp &lt;', '& <'],
  ['<h2></h2><p>x', 'x'],
])('HTML %s shows %s', (html, shown) => {
  expect(htmlText(html)).toBe(shown)
})

test('HTML of any letters is read in whole, and deep nesting does no harm', () => {
  const unit = fc.constantFrom(
    '<',
    '>',
    '/',
    '!',
    '-',
    '"',
    "'",
    '=',
    '&',
    ';',
    'p',
    'script',
    ' ',
    'hidden',
    'h1',
    '\n',
  )
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 60 }), (html) => {
      const length = [...htmlTokens(html)].reduce(
        (sum, token) => sum + (token.kind === 'text' ? token.text.length : 0),
        0,
      )
      expect(length).toBeLessThanOrEqual(html.length)
      readHtml(html)
      readMarkdown(html)
    }),
    { numRuns: 300 },
  )
  expect(htmlText(`${'<div>'.repeat(50_000)}x${'</p>'.repeat(50_000)}`)).toBe('x')
})

test.each([
  ['<'],
  ['<a '],
  ['<a b="'],
  ['<!--'],
  ['</title'],
  ['<title>'],
  ['<p hidden>'],
  ['['],
  ['`'],
  ['*'],
  ['# a\n'],
  [' #'],
  ['{#'],
  ['|'],
  ['> '],
  ['.'],
  ['&#'],
  ['a. '],
  ['\n\n'],
  [' '],
  ['- a\n'],
  ['<!-- -->'],
])('many of %s are read in time linear in their number', (unit) => {
  // Time quadratic in this length is beyond what a test may take.
  const text = unit.repeat(Math.floor(60_000 / unit.length))
  for (const [own, path] of [
    [text, 'a.html'],
    [text, 'a.md'],
    [`# x${text}`, 'b.md'],
    [text, 'a.txt'],
  ] as const) {
    const ids = pageDocuments(own, path).map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
  }
})

test('Markdown loses its marks and keeps its words', () => {
  const text = `---
title: "A: guide"
date: 2020-01-02
draft: false
weight: 3
tags: [one, "two, three"]
authors:
  - Ann
  - 'Bob ''B'''
nothing:
block: |
  x
---
Intro with *stress*, **more**, snake_case, 2 * 3, \`code_x\` and [a link](http://x.y "t").

# First & _last_ {#first}
> quoted ![alt](x.png) <https://a.b> <b>bold</b> &lt; \\*
<!-- gone
gone --> seen

- item
1. [x] task

Second
------
| a | b |
|---|---|
| c | d |

\`\`\`sh
# no heading
*x*
\`\`\`
[ref]: http://x
## First & last
### C# ##
`
  const page = readMarkdown(text)
  expect(page.title).toBe('A: guide')
  expect(page.fields).toEqual({
    date: '2020-01-02',
    draft: false,
    weight: 3,
    tags: ['one', 'two, three'],
    authors: ['Ann', "Bob 'B'"],
  })
  expect(page.blocks).toEqual([
    { level: 0, text: 'Intro with stress, more, snake_case, 2 * 3, code_x and a link.' },
    { level: 1, text: 'First & last', id: 'first' },
    { level: 0, text: 'quoted alt https://a.b bold < *\n seen' },
    { level: 0, text: 'item\ntask' },
    { level: 2, text: 'Second' },
    { level: 0, text: '  a   b  \n  c   d' },
    { level: 0, text: '# no heading\n*x*' },
    { level: 2, text: 'First & last' },
    { level: 3, text: 'C#' },
  ])
  expect(readMarkdown('---\nno end').blocks).toHaveLength(1)
})

test('pages become passages with links that point back', () => {
  const text = `---\ntitle: Guide\nlang: en\n---\n# Guide\n${sentences(25)}\n## Use\n${sentences(90)}\n## Use\nshort\n# Last: part!\n`
  const found = pageDocuments(text, 'docs/guide.md')
  expect(found.map(({ id, title, fields }) => [id, title, fields?.['link'], fields?.['heading']])).toEqual([
    ['docs/guide.md#guide', 'Guide', 'docs/guide.md#guide', 'Guide'],
    ['docs/guide.md#use', 'Guide › Use', 'docs/guide.md#use', 'Use'],
    ['docs/guide.md#use~2', 'Guide › Use', 'docs/guide.md#use', 'Use'],
    ['docs/guide.md#use~3', 'Guide › Use', 'docs/guide.md#use', 'Use'],
    ['docs/guide.md#use-1', 'Guide › Use', 'docs/guide.md#use-1', 'Use'],
    ['docs/guide.md#last-part', 'Guide › Last: part!', 'docs/guide.md#last-part', 'Last: part!'],
  ])
  expect(found.every(({ fields }) => fields?.['lang'] === 'en' && fields['path'] === 'docs/guide.md')).toBe(true)
  const html = pageDocuments('<title>T</title><h1>No id</h1>x<h2 id=here>Id</h2>', 'p.html')
  expect(html.map(({ id, fields }) => [id, fields?.['link']])).toEqual([['p.html#no-id', 'p.html']])
  expect(pageDocuments('one\n\ntwo', 'n/a.txt')).toEqual([
    { id: 'n/a.txt', title: 'a.txt', text: 'one\ntwo', fields: { path: 'n/a.txt', link: 'n/a.txt' } },
  ])
  expect(pageDocuments('', 'a.md')).toEqual([])
  expect(pageDocuments('# \ud800x\ny', '\udc00.md')[0]?.fields?.['link']).toBe('%EF%BF%BD.md#x')
  const [odd] = pageDocuments('<h1 id="a b">x</h1>y', 'javascript:x y#.html')
  expect([odd?.id, odd?.fields?.['link']]).toEqual(['javascript:x y#.html#a b', 'javascript%3Ax%20y%23.html#a%20b'])
})

test('small sections are joined, but not with those above them', () => {
  const block = (level: number, text: string) => ({ level, text })
  const cut = (...blocks: readonly { level: number; text: string }[]) =>
    cutPassages(blocks).map(({ anchor, text }) => [anchor, countWords(text)])
  expect(
    cut(block(2, 'a'), block(0, words(50)), block(2, 'b'), block(0, words(60)), block(1, 'c'), block(0, 'x')),
  ).toEqual([
    ['a', 111],
    ['c', 1],
  ])
  expect(
    cut(block(1, 'a'), block(0, words(199)), block(2, 'b'), block(0, words(250)), block(2, 'c'), block(0, words(9))),
  ).toEqual([
    ['a', 199],
    ['b', 250],
    ['c', 9],
  ])
  expect(cut(block(1, 'above'), block(2, 'below'), block(0, 'x'), block(2, 'empty'))).toEqual([['below', 2]])
})

test('passages keep every word, stay within their size and repeat no more than their share', () => {
  const paragraph = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(fc.array(paragraph, { minLength: 1, maxLength: 6 }), fc.boolean(), (lengths, isChinese) => {
      let next = 0
      const word = () => (isChinese ? String.fromCodePoint(0x4e00 + next++) : `w${next++}`)
      const sentence = (length: number) =>
        Array.from({ length }, word).join(isChinese ? '' : ' ') + (isChinese ? '。' : '. ')
      const blocks = lengths.map((own) => ({ level: 0, text: own.map(sentence).join('') }))
      const parts = cutPassages(blocks).map(({ text }) =>
        isChinese
          ? [...text].map((letter) => (letter.codePointAt(0) as number) - 0x4e00).filter((n) => n >= 0 && n < next)
          : [...text.matchAll(/w(\d+)/g)].map((match) => Number(match[1])),
      )
      let seen = 0
      for (const [i, part] of parts.entries()) {
        expect(part.length).toBeLessThanOrEqual(400)
        if (parts.length > 1) expect(part.length).toBeGreaterThanOrEqual(140)
        const repeated = i === 0 ? 0 : seen - (part[0] as number)
        expect(repeated).toBeGreaterThanOrEqual(0)
        expect(repeated).toBeLessThanOrEqual(60)
        expect(part).toEqual(Array.from(part, (_, j) => (part[0] as number) + j))
        seen = (part.at(-1) as number) + 1
      }
      expect(seen).toBe(next)
    }),
    { numRuns: 60 },
  )
})

test('a page in UTF-16 is read, one above the limit is not', async () => {
  const bytes = Uint8Array.of(0xff, 0xfe, 0x41, 0, 0x42, 0)
  for await (const { text } of readPage(bytes, 'a.txt')) expect(text).toBe('AB')
  const read = readPage(bytes, 'a.txt', { limits: { memoryBytes: 5 } })
  await expect(read.next()).rejects.toMatchObject({ code: 'PITH_LIMIT' })
})
