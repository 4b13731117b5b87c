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

  it('marks a letter of another alphabet among Latin ones', () => {
    expect(hidden('j\u0435an.dupont', true)).toEqual(['\u0435 \\u{0435}'])
    // A whole word of it deceives nobody.
    expect(hidesSomething('Москва', true)).toBe(false)
    expect(hidesSomething('Élodie.Noël@exemple.fr', true)).toBe(false)
  })
})
