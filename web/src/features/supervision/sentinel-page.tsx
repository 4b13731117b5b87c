import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { BellOff, CircleHelp } from 'lucide-react'
import { sentinelQuery } from '@/api/supervision'
import type { Sentinel } from '@/api/supervision-types'
import { formatDuration } from '@/lib/format'
import { useT, type Translate } from '@/lib/i18n'
import type { PeriodSearch } from '@/lib/period'
import { useTitle } from '@/lib/use-title'
import { AlertTimeline } from './alert-timeline'
import { Breakdown } from './breakdown'
import { DashboardHeader } from './dashboard-header'
import { DashboardStates } from './dashboard-states'
import { Change, Figure, Figures } from './figure'
import { ImpactedPanel } from './impacted-clients'
import { RESPONSIBILITIES } from './labels'
import { MaintenanceList } from './maintenance-list'
import { Nothing, Panel } from './panel'
import { periodOf } from './period-of'
import type { Series } from './series'
import { SeriesPanel } from './series-panel'

const route = getRouteApi('/app/supervision/sentinel')

/** Each has its steps under it; the list has them all. */
const TIMELINE_SHOWN = 8

const looks: Pick<Series, 'color' | 'pattern'>[] = [
  { color: 'var(--chart-1)', pattern: 'solid' },
  { color: 'var(--chart-2)', pattern: 'hatch' },
  { color: 'var(--chart-3)', pattern: 'dots' },
  { color: 'var(--chart-4)', pattern: 'cross' },
]

export const responsibilitySeries = (t: Translate): Series[] =>
  RESPONSIBILITIES.map((key, i) => ({
    key,
    label: t(`sv.responsibility.${key}`),
    color: looks[i]?.color ?? '',
    pattern: looks[i]?.pattern ?? 'solid',
  }))

export function SentinelPage() {
  const { t } = useT()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { query: asked, link, scope } = periodOf(search, 'today')
  const query = useQuery(sentinelQuery(asked))
  useTitle(`${t('sv.tab.sentinel')} · SUPERVISION`)
  return (
    <>
      <DashboardHeader
        title={t('sv.sentinel.heading')}
        asOf={query.data?.as_of}
        search={search}
        otherwise="today"
        onChange={(next) => void navigate({ search: next, replace: true })}
      />
      <DashboardStates query={query}>
        {(data) => (
          <>
            <SentinelFigures data={data} link={link} />
            <Now data={data} />
            <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-2">
              <ImpactedPanel clients={data.impacted_clients} />
              <Responsibilities data={data} link={link} />
            </div>
            <SeriesPanel
              title={t('sv.sentinel.series')}
              points={data.series.map(({ at, counts }) => ({ at, values: counts }))}
              series={responsibilitySeries(t)}
              period={data.period}
              listOf={(step) => ({ to: '/supervision/alertes', search: step })}
              empty={t('sv.alerts.none')}
            />
            <Panel
              title={t('sv.sentinel.timeline')}
              flush
              more={{ to: '/supervision/alertes', search: link }}
            >
              {data.timeline.length === 0 ? (
                <Nothing>{t('sv.alerts.none')}</Nothing>
              ) : (
                <AlertTimeline
                  alerts={data.timeline.slice(0, TIMELINE_SHOWN)}
                  scope={scope}
                  label={t('sv.sentinel.timeline')}
                />
              )}
            </Panel>
            {data.maintenance.length > 0 ? (
              <Panel
                title={t('sv.tab.maintenance')}
                flush
                more={{ to: '/supervision/maintenances' }}
              >
                <MaintenanceList items={data.maintenance} label={t('sv.tab.maintenance')} />
              </Panel>
            ) : null}
          </>
        )}
      </DashboardStates>
    </>
  )
}

interface PartProps {
  data: Sentinel
  link: PeriodSearch
}

function SentinelFigures({ data, link }: PartProps) {
  const { t, language } = useT()
  const number = (value: number) => value.toLocaleString(language)
  return (
    <Figures>
      <Figure
        label={t('sv.sentinel.total')}
        value={number(data.total.value)}
        note={<Change count={data.total} range={data.period.range} />}
        to={{ to: '/supervision/alertes', search: link }}
      />
      <Figure
        label={t('sv.sentinel.active')}
        value={number(data.active_now)}
        note={t('sv.sentinel.of_period', { n: number(data.active) })}
        to={{ to: '/supervision/alertes', search: { status: 'active' } }}
      />
      <Figure
        label={t('sv.sentinel.resolved')}
        value={number(data.resolved)}
        note={t('sv.sentinel.of_total', { n: number(data.total.value) })}
        to={{ to: '/supervision/alertes', search: { ...link, status: 'resolved' } }}
      />
      <Figure
        label={t('sv.sentinel.mean')}
        value={
          data.mean_resolution_seconds == null ? '—' : formatDuration(data.mean_resolution_seconds)
        }
        note={t('sv.sentinel.mean_note')}
      />
    </Figures>
  )
}

const chip =
  'border-line bg-surface hover:border-accent inline-flex min-h-11 items-center gap-1.5 rounded-full border px-3.5 text-base sm:min-h-9 sm:text-sm'

/** What qualifies the alerts that are active now; left out where there is none. */
function Now({ data }: { data: Sentinel }) {
  const { t, tn } = useT()
  const chips = [
    data.acknowledged_now > 0 ? (
      <Link
        key="ack"
        to="/supervision/alertes"
        search={{ status: 'active', acknowledged: true }}
        className={chip}
      >
        {tn('sv.now.acknowledged', data.acknowledged_now)}
      </Link>
    ) : null,
    data.flapping_now > 0 ? (
      <Link key="flap" to="/supervision/alertes" search={{ flapping: true }} className={chip}>
        {tn('sv.now.flapping', data.flapping_now)}
      </Link>
    ) : null,
    data.muted_now > 0 ? (
      <Link key="mute" to="/supervision/maintenances" className={chip}>
        <BellOff className="size-4" aria-hidden="true" />
        {tn('sv.now.muted', data.muted_now)}
      </Link>
    ) : null,
    data.clients_to_identify > 0 ? (
      <Link
        key="unknown"
        to="/supervision/alertes"
        search={{ known_client: false }}
        className={chip}
      >
        <CircleHelp className="size-4" aria-hidden="true" />
        {tn('sv.now.unknown', data.clients_to_identify)}
      </Link>
    ) : null,
  ].filter(Boolean)
  return chips.length > 0 ? (
    <div role="group" aria-label={t('sv.now')} className="flex flex-wrap gap-2">
      {chips}
    </div>
  ) : null
}

function Responsibilities({ data, link }: PartProps) {
  const { t } = useT()
  return (
    <Panel title={t('sv.responsibility')}>
      <Breakdown
        label={t('sv.responsibility')}
        total={data.total.value}
        shares={RESPONSIBILITIES.map((responsibility) => ({
          key: responsibility,
          name: t(`sv.responsibility.${responsibility}`),
          count:
            data.by_responsibility.find((each) => each.responsibility === responsibility)?.count ??
            0,
          to: { to: '/supervision/alertes', search: { ...link, responsibility } },
        }))}
      />
    </Panel>
  )
}
