import { describe, expect, it } from 'vitest'
import { hidesSomething, reveal, revealed } from './reveal'

const hidden = (text: string, strict = false) =>
  reveal(text, strict)
    .filter((piece) => piece.hidden)
    .map((piece) => piece.text)

describe('what a text could hide', () => {
  it.each([
    ['right-to-left override', 'jean\u202Etnopud', '\\u{202E}'],
    ['isolate', 'a\u2066b', '\\u{2066}'],
    ['zero-width space', 'ad\u200Bmin', '\\u{200B}'],
    ['left-to-right mark', 'ad\u200Emin', '\\u{200E}'],
    ['byte order mark', '\uFEFFadmin', '\\u{FEFF}'],
    ['Arabic letter mark', 'a\u061Cb', '\\u{061C}'],
    ['soft hyphen', 'ad\u00ADmin', '\\u{00AD}'],
    ['Hangul filler', 'ad\u3164min', '\\u{3164}'],
    ['braille blank', 'ad\u2800min', '\\u{2800}'],
    ['variation selector', 'a\uFE0Fb', '\\u{FE0F}'],
    ['tag character', 'a\u{E0041}b', '\\u{E0041}'],
    ['escape', 'a\u001B[2Jb', '\\u{001B}'],
    ['NUL', 'a\u0000b', '\\u{0000}'],
    ['carriage return', 'safe\rrm -rf', '\\u{000D}'],
    ['line separator', 'a\u2028b', '\\u{2028}'],
    ['lone surrogate', 'a\uD800b', '\\u{D800}'],
    ['private use', 'a\uE000b', '\\u{E000}'],
    ['em space', 'a\u2003b', '\\u{2003}'],
  ])('shows a %s', (_name, text, code) => {
    expect(hidden(text)).toEqual([code])
    expect(hidden(text, true)).toEqual([code])
  })

  it('leaves ordinary French alone, and strips nothing', () => {
    const text = 'Réinitialiser : « Élodie\u00A0» — c’est\u202Fsûr\u202F? œuvre\nligne 2'
    expect(reveal(text)).toEqual([{ text, hidden: false }])
    expect(revealed('a\u202Eb')).toBe('a\\u{202E}b')
  })

  it('shows every look-alike space in what will be run', () => {
    expect(hidden('jean\u00A0dupont', true)).toEqual(['\\u{00A0}'])
    expect(hidden('jean\u3000dupont', true)).toEqual(['\\u{3000}'])
    expect(hidesSomething('jean dupont', true)).toBe(false)
  })

  it.each([
    ['fullwidth', 'ａｄｍｉｎ', 5],
    ['mathematical', '𝖺𝖽𝗆𝗂𝗇', 5],
    ['a Roman numeral', 'ⅼⅰⅿ', 3],
    ['a one-dot leader', 'jean\u2024dupont', 1],
    ['a division slash', 'a\u2215b', 1],
    ['a ratio sign', 'a∶b', 1],
    ['a script a', 'jeɑn', 1],
    ['a dotless i', 'admın', 1],
    ['a long s', 'paſſ', 2],
    ['a middle-dot l', 'ŀ', 1],
    ['a kra', 'ĸ', 1],
    ['a Cyrillic letter', 'j\u0435an', 1],
    ['a whole word of Cyrillic', 'соре', 4],
    ['fullwidth quotes', '＂a＂', 2],
    ['low and raised quotes', '‘a‚', 2],
    ['a minus sign', '\u2212rf', 1],
    ['a Kelvin sign', '\u212A', 1],
    ['a multiplication sign', '×', 1],
  ])('gives every character of %s its code in what will be run', (_name, text, count) => {
    const codes = hidden(text, true)
    expect(codes).toHaveLength(count)
    for (const code of codes) expect(code).toMatch(/^. \\u\{[0-9A-F]{4,5}\}$/u)
  })

  it.each([
    ['an overlay', 'a\u0338b', '\\u{0338}'],
    ['an enclosing mark', 'a\u20DDb', '\\u{20DD}'],
    ['a Hebrew letter', 'a\u05D0b', '\\u{05D0}'],
    ['an Arabic letter', 'a\u0627b', '\\u{0627}'],
    ['an Arabic presentation form', 'a\uFEFBb', '\\u{FEFB}'],
    ['an old right-to-left script', 'a\u{10900}b', '\\u{10900}'],
  ])('replaces %s by its code, in prose too', (_name, text, code) => {
    expect(hidden(text)).toEqual([code])
    expect(hidden(text, true)).toEqual([code])
  })

  it('shows fullwidth forms in prose too, and leaves other alphabets there alone', () => {
    expect(hidden('ａ＂')).toEqual(['ａ \\u{FF41}', '＂ \\u{FF02}'])
    expect(hidesSomething('Москва, naïf ∶ ½')).toBe(false)
  })

  it('takes a decomposed accent for the letter in prose, not in what will be run', () => {
    expect(reveal('E\u0301lodie')).toEqual([{ text: 'Élodie', hidden: false }])
    expect(hidden('E\u0301lodie', true)).toEqual(['\\u{0301}'])
  })

  it('leaves names and plain French typography alone in what will be run', () => {
    expect(hidesSomething('Élodie.Noël@exemple.fr «c’est»… – — œ Ÿ Łukasz Ž İ', true)).toBe(false)
    expect(hidesSomething('"ligne 1\n~!{}|\\"', true)).toBe(false)
  })

  it('makes one string, by the stricter rule if asked', () => {
    expect(revealed('соре')).toBe('соре')
    expect(revealed('сa', true)).toBe('с \\u{0441}a')
  })
})
