import { describe, expect, it } from 'vitest'
import { translate } from '.'

describe('French typography', () => {
  it('keeps high punctuation on the line of its word', () => {
    expect(translate('fr', 'sg.reject.text')).toBe(
      'Le motif est transmis au demandeur et inscrit au registre.',
    )
    expect(translate('fr', 'sg.confirm.title')).toBe('Approuver une action destructive\u00A0?')
    expect(translate('fr', 'sg.announce.new', { action: 'x' })).toBe('Nouvelle demande\u00A0: x')
  })

  it('changes neither English nor what is put into a sentence', () => {
    expect(translate('fr', 'sg.announce.new', { action: 'a : b ?' })).toBe(
      'Nouvelle demande\u00A0: a : b ?',
    )
    expect(translate('en', 'sg.announce.new', { action: 'a : b' })).toBe('New request: a : b')
  })
})
