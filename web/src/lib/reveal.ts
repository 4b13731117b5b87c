// Makes visible what a text could hide: control, bidirectional and invisible characters, and in
// what will be run every character that could pass for another.
// Nothing is stripped: what cannot be trusted to the eye carries its code, `\u{202E}`.

export interface Piece {
  text: string
  hidden: boolean
}

/** Harmless in prose and common in French: line breaks, tabs, no-break spaces. */
const PROSE = /[\n\t\u00A0\u202F]/
const UNSEEN =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/u
/** Marks that draw over their neighbour, and the blocks that Unicode reserves for right-to-left. */
const DISPLACING =
  /[\p{M}\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFE\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u
/** Fullwidth and halfwidth forms: the letters of ASCII, drawn twice as wide. */
const WIDTH_FORM = /[\uFF00-\uFFEF]/
/**
 * The only characters that what will be run may show without their code: printable ASCII, line
 * breaks, composed letters of Latin-1 and Latin Extended-A but `ĸ Ŀ ŀ ŉ ı ſ`, and French typography.
 */
const PLAIN = /[\n -~À-ÖØ-öø-ÿĀ-İĲ-ķĹ-ľŁ-ňŊ-ž’«»…–—]/

export function codeOf(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}}`
}

/** What stands for the character, or null if it may stand for itself. */
function codedForm(character: string, strict: boolean): string | null {
  if (strict ? PLAIN.test(character) : PROSE.test(character)) return null
  // Drawn beside its code, it would still reorder or cover what is next to it.
  if (UNSEEN.test(character) || DISPLACING.test(character)) return codeOf(character)
  const coded = strict || WIDTH_FORM.test(character)
  return coded ? `${character} ${codeOf(character)}` : null
}

/** `strict` is for what will be run or names who asks; otherwise the text is prose. */
export function reveal(text: string, strict = false): Piece[] {
  const pieces: Piece[] = []
  // In prose an accent typed as a mark of its own is the same letter to the reader.
  for (const character of strict ? text : text.normalize('NFC')) {
    const coded = codedForm(character, strict)
    const last = pieces.at(-1)
    if (coded) pieces.push({ text: coded, hidden: true })
    else if (last && !last.hidden) last.text += character
    else pieces.push({ text: character, hidden: false })
  }
  return pieces
}

/** The same as one string, for titles and notifications. */
export function revealed(text: string, strict = false): string {
  return reveal(text, strict)
    .map((piece) => piece.text)
    .join('')
}

export function hidesSomething(text: string, strict = false): boolean {
  return reveal(text, strict).some((piece) => piece.hidden)
}
