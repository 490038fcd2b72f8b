import type { SliceKind } from './slices.ts'

/** Colours of slices: on light ground with white text, on dark ground with black text. */
const COLOURS: Readonly<Record<SliceKind, readonly [light: string, dark: string]>> = {
  template: ['#5b4bc4', '#a99cf7'],
  shared: ['#7b3fb0', '#c99af0'],
  order: ['#2767a8', '#7fb6ee'],
  time: ['#0b7468', '#5fcabb'],
  number: ['#2f7434', '#86cf8a'],
  choice: ['#8a5a00', '#e3b457'],
  dictionary: ['#a8431a', '#f29a6d'],
  text: ['#b02a51', '#f58ba8'],
  layout: ['#5f6672', '#a3abb8'],
  data: ['#2767a8', '#7fb6ee'],
  filter: ['#46586a', '#9db4cb'],
  container: ['#6d737c', '#8e96a2'],
}

function colours(which: 0 | 1): string {
  return Object.entries(COLOURS)
    .map(([kind, pair]) => `--${kind}:${pair[which]}`)
    .join(';')
}

/** The style of the page. */
export const PAGE_STYLE: string = `
:root{color-scheme:light dark;--ground:#fbfbfc;--card:#fff;--ink:#1b1f26;--soft:#5a626e;--line:#e2e5ea;--tint:#f2f4f7;--focus:#1f5fd0;--on:#fff;--heat:#0b7468;${colours(0)}}
@media(prefers-color-scheme:dark){:root{--ground:#111418;--card:#191d23;--ink:#e8ebf0;--soft:#9aa4b2;--line:#2b313a;--tint:#20252d;--focus:#8ab4ff;--on:#101216;--heat:#5fcabb;${colours(1)}}}
*{box-sizing:border-box}
html{scroll-behavior:smooth}
@media(prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1120px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:22px;line-height:1.3;margin:0 0 2px;overflow-wrap:anywhere}
h2{font-size:18px;margin:40px 0 4px;overflow-wrap:anywhere}
h3{font-size:15px;margin:28px 0 4px}
p{margin:0 0 12px;color:var(--soft);max-width:76ch}
code,.code{font:13px/1.45 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.facts{display:flex;flex-wrap:wrap;gap:12px;margin:20px 0 8px;padding:0}
.facts div{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:10px 16px;min-width:120px}
.facts dt{font-size:12px;color:var(--soft)}
.facts dd{margin:0;font-size:20px;font-weight:600;letter-spacing:-.01em;white-space:nowrap}
.facts dd small{font-size:13px;font-weight:400;color:var(--soft)}
.bar{display:flex;gap:2px;height:26px;margin:12px 0;border-radius:6px;overflow:hidden}
.bar i{min-width:2px;background:var(--c)}
.map{position:relative;width:100%;aspect-ratio:1000/460;margin:12px 0;border-radius:8px;overflow:hidden}
.map a,.map span.tile{position:absolute;display:block;background:var(--c);color:var(--on);border:1px solid var(--ground);border-radius:3px;padding:4px 6px;overflow:hidden;font-size:12px;line-height:1.3;text-decoration:none}
.map b{display:block;font-weight:600;white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.map a:hover,.map a:focus-visible{filter:brightness(1.12);outline:3px solid var(--focus);outline-offset:-3px;z-index:1}
.map .tiny{padding:0}
.tile .code{font-size:11.5px;overflow-wrap:anywhere;opacity:.92}
.tile .slot{background:none;color:inherit;border-color:currentColor}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:10px;background:var(--card)}
.scroll:focus-visible,input:focus-visible,a:focus-visible{outline:3px solid var(--focus);outline-offset:2px}
table{border-collapse:collapse;width:100%}
caption{text-align:left;padding:0}
th,td{padding:6px 12px;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
tr:last-child>*{border-bottom:0}
thead th{font-size:12px;font-weight:600;color:var(--soft);background:var(--tint);white-space:nowrap}
tbody th{font-weight:500}
#slices th{white-space:nowrap}
tfoot>tr>*{border-top:2px solid var(--line);font-weight:600}
.n{text-align:right;white-space:nowrap}
.t{white-space:nowrap;color:var(--soft);font-size:13px}
td.wide,th.wide{width:100%;min-width:320px;overflow-wrap:anywhere}
tr:target{background:var(--tint);box-shadow:inset 4px 0 var(--focus)}
.swatch{display:inline-block;width:11px;height:11px;border-radius:3px;background:var(--c);margin-right:8px}
.soft{color:var(--soft)}
.slot{font-style:normal;font-size:11px;padding:0 4px;border-radius:4px;background:var(--tint);color:var(--soft);border:1px solid var(--line);white-space:nowrap}
.share{display:block;height:4px;border-radius:2px;background:var(--c);min-width:1px;margin-top:3px}
.strip{display:block;width:200px;height:18px;background:var(--tint);border-radius:3px}
.strip path{fill:var(--heat)}
.h1{opacity:.2}.h2{opacity:.36}.h3{opacity:.52}.h4{opacity:.68}.h5{opacity:.84}
.axis{display:flex;justify-content:space-between;gap:12px;width:200px;font-weight:400}
.find{display:flex;gap:10px;align-items:center;margin:8px 0}
.find[hidden]{display:none}
.find input{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);border-radius:8px;padding:6px 10px;width:min(340px,100%)}
footer{margin-top:40px;color:var(--soft);font-size:13px}
@media(max-width:640px){main{padding:20px 12px 48px}.map{aspect-ratio:1000/1000}.tile .code{display:none}}
@media print{.find{display:none}.scroll{overflow:visible}}
`
