import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { catalogueQuery } from '@/api/events'
import { describeError } from '@/api/problem'
import type { CatalogueEvent } from '@/api/types'
import { useT } from '@/lib/i18n'
import { useTitle } from '@/lib/use-title'
import { Input } from '@/ui/field'
import { ListStates } from '@/ui/list-states'
import { Card, Page, PageHeader } from '@/ui/page'
import { EmptyState, NoMatchIllustration } from '@/ui/states'
import { EventEntry } from './event-entry'
import { byContext, matching } from './search'

export function EventsPage() {
  const { t, tn } = useT()
  const query = useQuery(catalogueQuery)
  const [wanted, setWanted] = useState('')
  const shown = matching(query.data ?? [], wanted, t)
  useTitle(t('events.title'))
  return (
    <Page>
      <PageHeader title={t('events.title')} intro={t('events.intro')} />
      <div className="mb-4 flex flex-wrap items-center gap-x-4 gap-y-2">
        <Input
          type="search"
          aria-label={t('events.search')}
          placeholder={t('events.search')}
          value={wanted}
          onChange={(event) => {
            setWanted(event.target.value)
          }}
          className="sm:max-w-sm"
        />
        <p role="status" className="text-faint text-sm">
          {query.data ? tn('events.count', shown.length) : null}
        </p>
      </div>
      <ListStates
        query={query}
        problem={query.error ? describeError(query.error, t) : null}
        empty={null}
      >
        {query.data && shown.length === 0 ? (
          <EmptyState
            illustration={<NoMatchIllustration />}
            title={t('events.none')}
            text={t('events.none_text')}
          />
        ) : null}
        {byContext(shown).map(([context, events]) => (
          <ContextSection key={context} context={context} events={events} />
        ))}
      </ListStates>
    </Page>
  )
}

function ContextSection({ context, events }: { context: string; events: CatalogueEvent[] }) {
  return (
    <section aria-labelledby={`context-${context}`} className="mb-6">
      <h2 id={`context-${context}`} className="mb-2 font-mono text-base font-semibold">
        {context}
      </h2>
      <Card>
        <ul>
          {events.map((event) => (
            <li key={event.type} className="border-line border-b last:border-0">
              <EventEntry event={event} />
            </li>
          ))}
        </ul>
      </Card>
    </section>
  )
}
