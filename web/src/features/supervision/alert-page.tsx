import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { ArrowLeft, BellRing } from 'lucide-react'
import { describeError } from '@/api/problem'
import { alertQuery } from '@/api/supervision'
import type { Alert } from '@/api/supervision-types'
import { useActorName } from '@/api/use-actor-name'
import { useSession } from '@/api/use-session'
import { formatDuration } from '@/lib/format'
import { useT } from '@/lib/i18n'
import { mayReadAudit } from '@/lib/levels'
import { parisDateTime } from '@/lib/paris'
import { useTitle } from '@/lib/use-title'
import { ListStates } from '@/ui/list-states'
import { Card, PageHeader } from '@/ui/page'
import { Timeline, type TimelineStep } from '@/ui/timeline'
import { VisibleText } from '@/ui/visible-text'
import { AlertActs } from './alert-acts'
import { useLeaves } from './alert-timeline'
import { AlertMarks, ClientName, HistoryLink, useResponsibility } from './labels'
import { LiveState } from './live-state'
import { Panel } from './panel'

const route = getRouteApi('/app/supervision/alertes/$id')

export function AlertPage() {
  const { t } = useT()
  const { id } = route.useParams()
  const { episode } = route.useSearch()
  const query = useQuery(alertQuery(id, episode))
  useTitle(`${query.data?.device ?? t('sv.alert')} · SUPERVISION`)
  return (
    <>
      <Link
        to="/supervision/alertes"
        className="text-accent mb-1 inline-flex h-11 items-center gap-1.5 text-base font-medium underline-offset-4 hover:underline sm:h-9"
      >
        <ArrowLeft className="size-4" aria-hidden="true" />
        {t('sv.alerts')}
      </Link>
      <ListStates
        query={query}
        problem={query.error ? describeError(query.error, t) : null}
        empty={null}
      >
        {query.data ? <AlertDetail alert={query.data} /> : null}
      </ListStates>
    </>
  )
}

function AlertDetail({ alert }: { alert: Alert }) {
  const { t } = useT()
  const person = useSession()
  return (
    <>
      <PageHeader
        title={<VisibleText text={alert.device} strict />}
        aside={<AlertMarks alert={alert} />}
      />
      <LiveState className="-mt-3 mb-4" />
      <p className="text-md mb-4 max-w-3xl break-words">
        <VisibleText text={alert.message} />
      </p>
      <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,2fr)_minmax(0,1fr)] lg:grid-rows-[auto_1fr]">
        {/* First for who holds a phone and for the keyboard; on the right where there is room. */}
        <div className="lg:col-start-2">
          <AlertActs alert={alert} />
        </div>
        <Panel title={t('sv.steps')} className="lg:col-start-1 lg:row-span-2 lg:row-start-1">
          <Story alert={alert} />
        </Panel>
        <div className="flex flex-col gap-4 lg:col-start-2">
          <Facts alert={alert} />
          <nav aria-label={t('sv.alert.elsewhere')} className="flex flex-wrap gap-x-4 px-1">
            {alert.episode > 1 ? (
              <Link
                to="/supervision/alertes/$id"
                params={{ id: alert.id }}
                search={{ episode: alert.episode - 1 }}
                className="text-accent inline-flex min-h-11 items-center text-sm underline-offset-4 hover:underline sm:min-h-6"
              >
                {t('sv.alert.previous_episode')}
              </Link>
            ) : null}
            {mayReadAudit(person) ? (
              <HistoryLink type="sentinel.alert" id={alert.id} name={alert.device} />
            ) : null}
          </nav>
        </div>
      </div>
    </>
  )
}

function Story({ alert }: { alert: Alert }) {
  const { t, language } = useT()
  const nameOf = useActorName()
  const meta = (at: string, by?: string) => (
    <>
      {by ? `${nameOf(by)} · ` : ''}
      <time dateTime={at}>{parisDateTime(at, language)}</time>
    </>
  )
  const raised: TimelineStep = {
    key: 'raised',
    icon: BellRing,
    tone: 'red',
    title: t('sv.activity.alert_raised'),
    meta: meta(alert.raised_at, alert.source),
  }
  const leaves = useLeaves(alert).map(({ key, icon, at, body, by }): TimelineStep => ({
    key,
    icon,
    tone: key === 'resolved' ? 'green' : key === 'reopened' ? 'red' : 'neutral',
    title: body,
    meta: meta(at, by),
  }))
  return <Timeline label={t('sv.steps')} steps={[raised, ...leaves]} />
}

function Facts({ alert }: { alert: Alert }) {
  const { t, tn, language } = useT()
  const responsibilityOf = useResponsibility()
  const seconds = alert.resolved_at
    ? (Date.parse(alert.resolved_at) - Date.parse(alert.raised_at)) / 1000
    : null
  const rows = [
    [t('sv.client'), <ClientName key="client" client={alert.client} />],
    [t('sv.responsibility'), responsibilityOf(alert)],
    [t('sv.alert.raised'), parisDateTime(alert.raised_at, language)],
    [t('sv.alert.last'), parisDateTime(alert.last_occurred_at, language)],
    seconds == null ? null : [t('sv.alert.lasted'), formatDuration(seconds)],
    [t('sv.alert.source'), <VisibleText key="source" text={alert.source} strict />],
    [t('sv.alert.external'), <VisibleText key="external" text={alert.external_id} strict />],
    [
      t('sv.alert.counts'),
      `${tn('sv.alert.repeats', alert.repeats)}, ${tn('sv.alert.reopenings', alert.reopenings)}`,
    ],
    [t('sv.alert.episode'), String(alert.episode)],
  ].filter((row) => row != null)
  return (
    <Card className="px-4 py-2 sm:px-5">
      <dl className="text-base">
        {rows.map(([name, value]) => (
          <div
            key={String(name)}
            className="border-line flex justify-between gap-4 border-b py-2 last:border-0"
          >
            <dt className="text-soft shrink-0">{name}</dt>
            <dd className="min-w-0 text-right break-words">{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  )
}
