import type { CatalogueEvent } from '@/api/types'
import { hasMessage, type Translate } from '@/lib/i18n'

/** The event in plain words; its own name where there are none. */
export function eventTitle(type: string, t: Translate): string {
  const key = `audit.act.${type}`
  return hasMessage(key) ? t(key) : type
}

/** Events of which every word is found in names, titles, descriptions or fields. */
export function matching(events: CatalogueEvent[], wanted: string, t: Translate): CatalogueEvent[] {
  const words = folded(wanted).split(/\s+/).filter(Boolean)
  return events.filter((event) => {
    const fields = event.fields.map(({ name, description }) => `${name} ${description}`)
    const text = folded(
      [event.type, eventTitle(event.type, t), event.description, ...fields].join(' '),
    )
    return words.every((word) => text.includes(word))
  })
}

function folded(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
}

/** In the order of the catalogue. */
export function byContext(events: CatalogueEvent[]): [string, CatalogueEvent[]][] {
  const found = new Map<string, CatalogueEvent[]>()
  for (const event of events) {
    found.set(event.context, [...(found.get(event.context) ?? []), event])
  }
  return [...found]
}
