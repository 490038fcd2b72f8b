/** Letters that Unicode does not take apart, and how they are searched. */
const LIGATURES: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ł: 'l',
  ħ: 'h',
  ı: 'i',
  ё: 'е',
}

/** A word without accents on Latin and Greek letters, for search: café and cafe are one word. Other scripts keep their marks. */
export function foldAccents(word: string): string {
  return word
    .normalize('NFKD')
    .replace(/(?<=[\p{scx=Latin}\p{scx=Greek}])[\u0300-\u036f]+/gu, '')
    .normalize('NFC')
    .replace(/[ßæœøđðþłħıё]/g, (letter) => LIGATURES[letter] as string)
}
