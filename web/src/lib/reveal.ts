// Makes visible what a text could hide: control, bidirectional and invisible characters.
// Nothing is stripped: what cannot be seen is shown by its code, `\u{202E}`.

export interface Piece {
  text: string
  hidden: boolean
}

/** Harmless in prose and common in French: line breaks, tabs, no-break spaces. */
const PROSE = /[\n\t\u00A0\u202F]/
const HIDDEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/u
const LATIN = /\p{Script=Latin}/u
const OTHER_SCRIPT = /[^\p{Script=Latin}\p{Script=Common}\p{Script=Inherited}]/u

export function codeOf(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}}`
}

/**
 * `strict` is for what will be run: every space but U+0020 is shown, and a letter of another
 * alphabet among Latin ones (a Cyrillic "а") carries its code.
 */
export function reveal(text: string, strict = false): Piece[] {
  const pieces: Piece[] = []
  const mixed = strict && LATIN.test(text) && OTHER_SCRIPT.test(text)
  for (const character of text) {
    const hidden = HIDDEN.test(character) && (strict ? character !== '\n' : !PROSE.test(character))
    const foreign = mixed && OTHER_SCRIPT.test(character)
    const last = pieces.at(-1)
    if (hidden) pieces.push({ text: codeOf(character), hidden: true })
    else if (foreign) pieces.push({ text: `${character} ${codeOf(character)}`, hidden: true })
    else if (last && !last.hidden) last.text += character
    else pieces.push({ text: character, hidden: false })
  }
  return pieces
}

/** The same as one string, for titles and notifications. */
export function revealed(text: string): string {
  return reveal(text)
    .map((piece) => piece.text)
    .join('')
}

export function hidesSomething(text: string, strict = false): boolean {
  return reveal(text, strict).some((piece) => piece.hidden)
}
