/** Character references of HTML. */

/** Names of U+00A0 to U+00FF in order. */
const LATIN =
  'nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute thorn yuml'
/** Names of the Greek letters from U+0391, with the gap at U+03A2 and the final sigma. */
const GREEK =
  'Alpha Beta Gamma Delta Epsilon Zeta Eta Theta Iota Kappa Lambda Mu Nu Xi Omicron Pi Rho - Sigma Tau Upsilon Phi Chi Psi Omega'
const OTHERS: Readonly<Record<string, number>> = {
  amp: 0x26,
  lt: 0x3c,
  gt: 0x3e,
  quot: 0x22,
  apos: 0x27,
  OElig: 0x152,
  oelig: 0x153,
  Scaron: 0x160,
  scaron: 0x161,
  Yuml: 0x178,
  fnof: 0x192,
  circ: 0x2c6,
  tilde: 0x2dc,
  ensp: 0x2002,
  emsp: 0x2003,
  thinsp: 0x2009,
  zwnj: 0x200c,
  zwj: 0x200d,
  ndash: 0x2013,
  mdash: 0x2014,
  lsquo: 0x2018,
  rsquo: 0x2019,
  sbquo: 0x201a,
  ldquo: 0x201c,
  rdquo: 0x201d,
  bdquo: 0x201e,
  dagger: 0x2020,
  Dagger: 0x2021,
  bull: 0x2022,
  hellip: 0x2026,
  permil: 0x2030,
  prime: 0x2032,
  Prime: 0x2033,
  lsaquo: 0x2039,
  rsaquo: 0x203a,
  euro: 0x20ac,
  trade: 0x2122,
  larr: 0x2190,
  uarr: 0x2191,
  rarr: 0x2192,
  darr: 0x2193,
  harr: 0x2194,
  rArr: 0x21d2,
  part: 0x2202,
  sum: 0x2211,
  minus: 0x2212,
  infin: 0x221e,
  asymp: 0x2248,
  ne: 0x2260,
  le: 0x2264,
  ge: 0x2265,
  loz: 0x25ca,
}

const NAMED: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([
  ...LATIN.split(' ').map((name, i) => [name, 0xa0 + i] as const),
  ...GREEK.split(' ').map((name, i) => [name, 0x391 + i] as const),
  ...GREEK.toLowerCase()
    .split(' ')
    .map((name, i) => [name === '-' ? 'sigmaf' : name, 0x3b1 + i] as const),
  ...Object.entries(OTHERS),
])

/** Those that browsers take without a semicolon and that are common. */
const BARE: ReadonlySet<string> = new Set(['amp', 'lt', 'gt', 'quot', 'nbsp', 'copy', 'reg'])
/** What U+0080 to U+009F stand for in references, by Windows-1252. */
const WINDOWS = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ'

/** The text with its character references resolved; unknown ones stay as they are. */
export function decodeEntities(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&(?:#(\d{1,8}|[xX][\da-fA-F]{1,8})|([A-Za-z][A-Za-z\d]{1,15}))(;?)/g, (all, code, name, end) => {
    if (code !== undefined) return letterOf(/^x/i.test(code) ? Number.parseInt(code.slice(1), 16) : Number(code))
    const letter = NAMED.get(name)
    return letter === undefined || (end === '' && !BARE.has(name)) ? all : String.fromCodePoint(letter)
  })
}

function letterOf(code: number): string {
  if (code >= 0x80 && code < 0xa0) return WINDOWS[code - 0x80] as string
  const isLetter = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code < 0xe000)
  return isLetter ? String.fromCodePoint(code) : '\ufffd'
}
