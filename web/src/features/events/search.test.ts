import { describe, expect, it } from 'vitest'
import type { CatalogueEvent } from '@/api/types'
import { translate, type MessageKey } from '@/lib/i18n'
import { byContext, matching } from './search'

const t = (key: MessageKey) => translate('fr', key)

function event(type: string, ...fields: string[]): CatalogueEvent {
  return {
    type,
    context: type.split('.')[0] ?? '',
    aggregate_type: type.split('.').slice(0, 2).join('.'),
    schema_version: 1,
    subject: `events.${type}`,
    description: 'Somebody did something.',
    emitted_by: ['user'],
    fields: fields.map((name) => ({
      name,
      kind: 'string',
      required: true,
      personal_of: [],
      description: '',
    })),
    example: {},
  }
}

const events = [
  event('safeguard.approval.rejected', 'reason'),
  event('safeguard.approval.lapsed', 'lapsed_at'),
  event('clients.client.renamed', 'name'),
]
const found = (wanted: string) => matching(events, wanted, t).map((each) => each.type)

describe('the search of events', () => {
  it('finds names, fields and French titles, without accents', () => {
    expect(found('')).toHaveLength(3)
    expect(found('approval lapsed')).toEqual(['safeguard.approval.lapsed'])
    expect(found('REASON')).toEqual(['safeguard.approval.rejected'])
    expect(found('rejetee')).toEqual(['safeguard.approval.rejected'])
    expect(found('renommé')).toEqual(['clients.client.renamed'])
    expect(found('approval renamed')).toEqual([])
  })

  it('groups by context, in order', () => {
    expect(byContext(events).map(([context, of]) => [context, of.length])).toEqual([
      ['safeguard', 2],
      ['clients', 1],
    ])
  })
})
