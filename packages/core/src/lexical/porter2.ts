/**
 * Stem of an English word in lower case: the Porter2 stemmer as Snowball 3 defines it
 * (https://snowballstem.org/algorithms/english/stemmer.html). Words of fewer than 3 letters stay as they are.
 *
 * @param word  letters a-z and apostrophes; other signs count as consonants
 */
export function stemEnglish(word: string): string {
  const special = SPECIAL[word]
  if (special !== undefined) return special
  if (word.length < 3) return word
  const marked = markConsonants(word)
  const [r1, r2] = regions(marked)
  let stem = withoutPlural(marked)
  stem = withoutEnding(stem, r1)
  if (stem.length > 2 && /[yY]$/.test(stem) && !isVowel(stem.at(-2) as string)) stem = `${stem.slice(0, -1)}i`
  stem = replaced(stem, STEP_2, r1, r2)
  stem = replaced(stem, STEP_3, r1, r2)
  stem = shortened(stem, r2)
  stem = withoutFinal(stem, r1, r2)
  return stem.includes('Y') ? stem.replaceAll('Y', 'y') : stem
}

/** Words that the rules would spoil. */
const SPECIAL: Readonly<Record<string, string>> = /* @__PURE__ */ Object.freeze(
  Object.assign(Object.create(null), {
    skis: 'ski',
    skies: 'sky',
    idly: 'idl',
    gently: 'gentl',
    ugly: 'ugli',
    early: 'earli',
    only: 'onli',
    singly: 'singl',
    sky: 'sky',
    news: 'news',
    howe: 'howe',
    atlas: 'atlas',
    cosmos: 'cosmos',
    bias: 'bias',
    andes: 'andes',
  }),
)

/** Beginnings behind which the first region starts, so that their family does not become one stem. */
const BEGINNINGS = ['gener', 'commun', 'arsen', 'past', 'univers', 'later', 'emerg', 'organ', 'inter']

/** Words that end with -ing and are no forms of a verb: what stands before it. */
const NOUNS_WITH_ING: ReadonlySet<string> = /* @__PURE__ */ new Set(['inn', 'out', 'cann', 'herr', 'earr', 'even'])

/** Endings of one step, longest first, and what stands in their place. */
type Rules = readonly (readonly [ending: string, replacement: string])[]

const STEP_2: Rules = [
  ['ational', 'ate'],
  ['ization', 'ize'],
  ['fulness', 'ful'],
  ['ousness', 'ous'],
  ['iveness', 'ive'],
  ['tional', 'tion'],
  ['biliti', 'ble'],
  ['lessli', 'less'],
  ['entli', 'ent'],
  ['ation', 'ate'],
  ['alism', 'al'],
  ['aliti', 'al'],
  ['ousli', 'ous'],
  ['iviti', 'ive'],
  ['fulli', 'ful'],
  ['ogist', 'og'],
  ['enci', 'ence'],
  ['anci', 'ance'],
  ['abli', 'able'],
  ['izer', 'ize'],
  ['ator', 'ate'],
  ['alli', 'al'],
  ['bli', 'ble'],
  ['ogi', 'og'],
  ['li', ''],
]

const STEP_3: Rules = [
  ['ational', 'ate'],
  ['tional', 'tion'],
  ['alize', 'al'],
  ['icate', 'ic'],
  ['iciti', 'ic'],
  ['ative', ''],
  ['ical', 'ic'],
  ['ness', ''],
  ['ful', ''],
]

const STEP_4 = ['ement', 'ance', 'ence', 'able', 'ible', 'ment', 'ant', 'ent', 'ism', 'ate', 'iti', 'ous', 'ive', 'ize']
const STEP_4_SHORT = ['ion', 'al', 'er', 'ic']

function isVowel(letter: string): boolean {
  return 'aeiouy'.includes(letter)
}

/** Without an apostrophe in front; each y that is a consonant becomes Y. */
function markConsonants(word: string): string {
  const bare = word.startsWith("'") ? word.slice(1) : word
  if (!bare.includes('y')) return bare
  let marked = ''
  for (const letter of bare) {
    marked += letter === 'y' && (marked === '' || isVowel(marked.at(-1) as string)) ? 'Y' : letter
  }
  return marked
}

/** Where the first and the second region start. */
function regions(word: string): [r1: number, r2: number] {
  const beginning = BEGINNINGS.find((start) => word.startsWith(start))
  const r1 = beginning?.length ?? behindSyllable(word, 0)
  return [r1, behindSyllable(word, r1)]
}

/** The place behind the first consonant that follows a vowel, from `at` on. */
function behindSyllable(word: string, at: number): number {
  let i = at
  while (i < word.length && !isVowel(word[i] as string)) i++
  while (i < word.length && isVowel(word[i] as string)) i++
  return Math.min(word.length, i + 1)
}

function hasVowel(word: string, end: number): boolean {
  for (let i = 0; i < end; i++) if (isVowel(word[i] as string)) return true
  return false
}

/** Step 0 and 1a. */
function withoutPlural(word: string): string {
  const own = /'(?:s'?)?$/.exec(word)
  const bare = own === null ? word : word.slice(0, own.index)
  if (bare.endsWith('sses')) return bare.slice(0, -2)
  if (bare.endsWith('ied') || bare.endsWith('ies')) return bare.slice(0, bare.length >= 5 ? -2 : -1)
  if (!bare.endsWith('s') || bare.endsWith('us') || bare.endsWith('ss')) return bare
  return hasVowel(bare, bare.length - 2) ? bare.slice(0, -1) : bare
}

/** Step 1b. */
function withoutEnding(word: string, r1: number): string {
  const ending = /(?:eedly|ingly|edly|eed|ing|ed)$/.exec(word)
  if (ending === null) return word
  const stem = word.slice(0, ending.index)
  if (ending[0].startsWith('ee')) {
    return r1 <= stem.length && stem !== 'succ' && stem !== 'proc' && stem !== 'exc' ? `${stem}ee` : word
  }
  if (ending[0] === 'ing') {
    if (NOUNS_WITH_ING.has(stem)) return word
    if (stem.length === 2 && stem.endsWith('y') && !isVowel(stem[0] as string)) return `${stem[0]}ie`
  }
  if (!hasVowel(stem, stem.length)) return word
  if (/(?:at|bl|iz)$/.test(stem)) return `${stem}e`
  if (/(?:bb|dd|ff|gg|mm|nn|pp|rr|tt)$/.test(stem)) return /^[aeo]..$/.test(stem) ? stem : stem.slice(0, -1)
  return stem.length === r1 && endsShort(stem) ? `${stem}e` : stem
}

/** Whether a word ends with a short syllable. */
function endsShort(word: string): boolean {
  return /(?:[^aeiouy][aeiouy][^aeiouywxY]|^[aeiouy][^aeiouy]|past)$/.test(word)
}

/** Steps 2 and 3. */
function replaced(word: string, rules: Rules, r1: number, r2: number): string {
  const rule = rules.find(([ending]) => word.endsWith(ending))
  if (rule === undefined) return word
  const stem = word.slice(0, -rule[0].length)
  if (stem.length < r1) return word
  if (rule[0] === 'ogi' && !stem.endsWith('l')) return word
  if (rule[0] === 'li' && !/[cdeghkmnrt]$/.test(stem)) return word
  if (rule[0] === 'ative' && stem.length < r2) return word
  return stem + rule[1]
}

/** Step 4. */
function shortened(word: string, r2: number): string {
  const has = (ending: string): boolean => word.endsWith(ending)
  const ending = STEP_4.find(has) ?? STEP_4_SHORT.find(has)
  if (ending === undefined) return word
  const stem = word.slice(0, -ending.length)
  return stem.length < r2 || (ending === 'ion' && !/[st]$/.test(stem)) ? word : stem
}

/** Step 5. */
function withoutFinal(word: string, r1: number, r2: number): string {
  const stem = word.slice(0, -1)
  if (word.endsWith('ll')) return stem.length >= r2 ? stem : word
  if (!word.endsWith('e')) return word
  return stem.length >= r2 || (stem.length >= r1 && !endsShort(stem)) ? stem : word
}
