import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { CircleDot } from 'lucide-react'
import { chainQuery } from '@/api/audit'
import { describeError } from '@/api/problem'
import type { LoggedEvent } from '@/api/types'
import { formatDateTimeSeconds } from '@/lib/format'
import { useT } from '@/lib/i18n'
import { useTitle } from '@/lib/use-title'
import { ListStates, LoadMore } from '@/ui/list-states'
import { Card, Page, PageHeader } from '@/ui/page'
import { Timeline, type TimelineStep } from '@/ui/timeline'
import { BackLink } from './back-link'
import { Details } from './details'
import { actionLabel, actorLabel, shortId, targetLabel } from './labels'
import { UnreadableBadge } from './unreadable-badge'

const route = getRouteApi('/app/audit/chain/$correlationId')

export function ChainPage() {
  const { t } = useT()
  const { correlationId } = route.useParams()
  const query = useInfiniteQuery(chainQuery(correlationId))
  const events = query.data?.pages.flatMap((page) => page.items) ?? []
  const problem = query.error ? describeError(query.error, t) : null
  useTitle(t('audit.chain'))
  return (
    <Page className="max-w-3xl">
      <BackLink />
      <PageHeader
        title={t('audit.chain')}
        intro={t('audit.chain_text')}
        aside={<p className="text-soft w-full font-mono text-sm break-all">{correlationId}</p>}
      />
      <ListStates
        query={query}
        problem={problem}
        empty={
          query.data && events.length === 0
            ? { title: t('audit.empty'), text: t('audit.empty_text') }
            : null
        }
      >
        {events.length > 0 ? (
          <Card className="p-4 sm:p-6">
            <ChainTimeline events={events} />
            <LoadMore query={query} />
          </Card>
        ) : null}
      </ListStates>
    </Page>
  )
}

function ChainTimeline({ events }: { events: LoggedEvent[] }) {
  const { t, language } = useT()
  const causes = new Map(events.map((event) => [event.event_id, event]))
  const steps = events.map((event): TimelineStep => {
    const cause = event.causation_id ? causes.get(event.causation_id) : undefined
    return {
      key: event.event_id,
      icon: CircleDot,
      tone: 'accent',
      title: (
        <span className="flex flex-wrap items-center gap-2">
          <span className="font-semibold">{actionLabel(event.type, t)}</span>
          <UnreadableBadge cause={event.unreadable} />
          <span className="text-faint font-mono text-xs break-all">{event.type}</span>
        </span>
      ),
      meta: (
        <>
          <span className="text-ink font-medium">{actorLabel(event.actor, t)}</span> ·{' '}
          <time dateTime={event.recorded_at}>
            {formatDateTimeSeconds(event.recorded_at, language)}
          </time>{' '}
          · {t('audit.position')} {event.position}
        </>
      ),
      body: (
        <>
          {cause ? (
            <p className="text-soft text-sm">
              {t('audit.caused_by')} {actionLabel(cause.type, t)} ({t('audit.position')}{' '}
              {cause.position})
            </p>
          ) : null}
          <Link
            to="/audit/$targetType/$targetId"
            params={{ targetType: event.aggregate_type, targetId: event.aggregate_id }}
            className="text-accent inline-flex min-h-11 items-center text-sm sm:min-h-6 underline-offset-4 hover:underline"
          >
            {targetLabel(event.aggregate_type, t)} · {shortId(event.aggregate_id)}
          </Link>
          <Details data={event.data} />
        </>
      ),
    }
  })
  return <Timeline steps={steps} label={t('audit.chain')} />
}
