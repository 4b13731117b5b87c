// The five dashboards cut down to what is read from four metres: numbers, states, the last of each.
import { usePrefetchQuery, useQuery } from '@tanstack/react-query'
import { lazy, Suspense, type ComponentType, type ReactNode } from 'react'
import {
  enrichisseurQuery,
  overviewQuery,
  safeguardDashboardQuery,
  sentinelQuery,
  supportQuery,
} from '@/api/supervision'
import { formatDuration, formatPercent } from '@/lib/format'
import { useT, type MessageKey } from '@/lib/i18n'
import { parisDateTime } from '@/lib/paris'
import { Skeleton } from '@/ui/states'
import { ActivityList } from './activity-list'
import { AlertTimeline } from './alert-timeline'
import { Breakdown } from './breakdown'
import { DashboardStates } from './dashboard-states'
import { Change, Figure, Figures } from './figure'
import { HealthStrip } from './health-strip'
import { ImpactedClients } from './impacted-clients'
import { CATEGORIES, categoryName } from './labels'
import { Nothing, Panel } from './panel'
import { PendingList } from './pending-list'
import { RightNow, rightNowQuery } from './right-now'
import { RunList } from './run-list'
import { TicketList } from './ticket-list'

const SeriesChart = lazy(() => import('./series-chart').then((m) => ({ default: m.SeriesChart })))

/** Lists are cut at the edge of the screen: the newest are on top. */
function Halves({ children }: { children: ReactNode }) {
  return (
    <div className="grid min-h-0 grid-cols-1 gap-4 md:grid-cols-2 wall:[&>section]:min-h-0 wall:[&>section]:overflow-hidden">
      {children}
    </div>
  )
}

function useUrgentText() {
  const { t, tn } = useT()
  return (red: number) => (red > 0 ? tn('sv.pending.urgent', red) : t('sv.pending.none_urgent'))
}

function WallOverview() {
  const { t, language } = useT()
  const urgentText = useUrgentText()
  const query = useQuery(overviewQuery({ range: '24h' }))
  usePrefetchQuery(rightNowQuery)
  const number = (value: number) => value.toLocaleString(language)
  return (
    <DashboardStates query={query}>
      {(data) => (
        <>
          <Figures>
            <Figure
              label={t('sv.tickets')}
              value={number(data.tickets.value)}
              note={<Change count={data.tickets} range="24h" />}
            />
            <Figure
              label={t('sv.alerts')}
              value={number(data.alerts.value)}
              note={<Change count={data.alerts} range="24h" />}
            />
            <Figure
              label={t('sv.pending')}
              value={number(data.pending_approvals.value)}
              note={urgentText(data.pending_approvals.red)}
            />
            <Figure
              label={t('sv.entries')}
              value={number(data.knowledge.entries)}
              note={
                data.knowledge.added_today > 0
                  ? t('sv.entries.today', { n: number(data.knowledge.added_today) })
                  : t('sv.entries.none_today')
              }
            />
          </Figures>
          <RightNow components={data.health} most={2} plain />
          <HealthStrip components={data.health.slice(0, 6)} label={t('sv.health')} />
          <Panel title={t('sv.activity')} flush>
            {data.activity.length === 0 ? (
              <Nothing>{t('sv.activity.none')}</Nothing>
            ) : (
              <ActivityList
                items={data.activity.slice(0, 6)}
                scope="wall"
                label={t('sv.activity')}
              />
            )}
          </Panel>
        </>
      )}
    </DashboardStates>
  )
}

function WallSupport() {
  const { t, language } = useT()
  const query = useQuery(supportQuery({ range: 'today' }))
  const number = (value: number) => value.toLocaleString(language)
  return (
    <DashboardStates query={query}>
      {(data) => (
        <>
          <Figures>
            <Figure
              label={t('sv.support.total')}
              value={number(data.total.value)}
              note={<Change count={data.total} range="today" />}
            />
            {data.by_outcome
              .filter(({ outcome }) => outcome === 'resolved' || outcome === 'escalated')
              .map(({ outcome, count }) => (
                <Figure key={outcome} label={t(`sv.outcome.${outcome}`)} value={number(count)} />
              ))}
            <Figure label={t('sv.support.errors')} value={number(data.errors_24h)} />
          </Figures>
          <Halves>
            <Panel title={t('sv.support.by_category')}>
              <Breakdown
                label={t('sv.support.by_category')}
                total={data.total.value}
                shares={CATEGORIES.map((category) => ({
                  key: category,
                  name: categoryName(category),
                  count: data.by_category.find((each) => each.category === category)?.count ?? 0,
                }))}
              />
            </Panel>
            <Panel title={t('sv.support.latest')} flush>
              {data.latest.length === 0 ? (
                <Nothing>{t('sv.tickets.none')}</Nothing>
              ) : (
                <TicketList
                  items={data.latest.slice(0, 5)}
                  scope="wall"
                  label={t('sv.support.latest')}
                />
              )}
            </Panel>
          </Halves>
        </>
      )}
    </DashboardStates>
  )
}

function WallSentinel() {
  const { t, language } = useT()
  const query = useQuery(sentinelQuery({ range: 'today' }))
  const number = (value: number) => value.toLocaleString(language)
  return (
    <DashboardStates query={query}>
      {(data) => (
        <>
          <Figures>
            <Figure
              label={t('sv.sentinel.total')}
              value={number(data.total.value)}
              note={<Change count={data.total} range="today" />}
            />
            <Figure label={t('sv.sentinel.active')} value={number(data.active_now)} />
            <Figure label={t('sv.sentinel.resolved')} value={number(data.resolved)} />
            <Figure
              label={t('sv.sentinel.mean')}
              value={
                data.mean_resolution_seconds == null
                  ? '—'
                  : formatDuration(data.mean_resolution_seconds)
              }
            />
          </Figures>
          <Halves>
            <Panel title={t('sv.sentinel.impacted')} flush>
              {data.impacted_clients.length === 0 ? (
                <Nothing>{t('sv.sentinel.nobody')}</Nothing>
              ) : (
                <ImpactedClients
                  clients={data.impacted_clients.slice(0, 6)}
                  label={t('sv.sentinel.impacted')}
                />
              )}
            </Panel>
            <Panel title={t('sv.sentinel.timeline')} flush>
              {data.timeline.length === 0 ? (
                <Nothing>{t('sv.alerts.none')}</Nothing>
              ) : (
                <AlertTimeline
                  alerts={data.timeline.slice(0, 4)}
                  scope="wall"
                  label={t('sv.sentinel.timeline')}
                />
              )}
            </Panel>
          </Halves>
        </>
      )}
    </DashboardStates>
  )
}

function WallEnrichisseur() {
  const { t, tn, language } = useT()
  const query = useQuery(enrichisseurQuery({ range: '7d' }))
  const number = (value: number) => value.toLocaleString(language)
  return (
    <DashboardStates query={query}>
      {(data) => (
        <>
          <Figures>
            <Figure label={t('sv.entries')} value={number(data.entries)} />
            <Figure
              label={t('sv.enrichisseur.added')}
              value={data.added.value > 0 ? `+${number(data.added.value)}` : '0'}
              note={<Change count={data.added} range="7d" />}
            />
            <Figure
              label={t('sv.runs')}
              value={number(data.runs_total)}
              note={
                data.failed_runs > 0
                  ? tn('sv.enrichisseur.failed_runs', data.failed_runs)
                  : t('sv.enrichisseur.no_failed_run')
              }
            />
            <Figure
              label={t('sv.enrichisseur.next')}
              value={data.next_run_at ? parisDateTime(data.next_run_at, language) : '—'}
            />
          </Figures>
          <Halves>
            <Panel title={t('sv.enrichisseur.entries_over_time')}>
              <Suspense fallback={<Skeleton className="h-60" />}>
                <SeriesChart
                  points={data.series.map(({ at, entries }) => ({ at, values: { entries } }))}
                  series={[
                    {
                      key: 'entries',
                      label: t('sv.entries'),
                      color: 'var(--chart-1)',
                      pattern: 'solid',
                    },
                  ]}
                  step={data.period.step}
                  height="15rem"
                  fontSize={22}
                />
              </Suspense>
            </Panel>
            <Panel title={t('sv.runs.latest')} flush>
              {data.runs.length === 0 ? (
                <Nothing>{t('sv.runs.none')}</Nothing>
              ) : (
                <RunList items={data.runs.slice(0, 4)} scope="wall" label={t('sv.runs.latest')} />
              )}
            </Panel>
          </Halves>
        </>
      )}
    </DashboardStates>
  )
}

function WallSafeguard() {
  const { t, language } = useT()
  const urgentText = useUrgentText()
  const query = useQuery(safeguardDashboardQuery({ range: '7d' }))
  const seconds = (value: number | null | undefined) =>
    value == null ? '—' : formatDuration(value)
  return (
    <DashboardStates query={query}>
      {({ stats, pending, pending_counts: counts }) => (
        <>
          <Figures>
            <Figure
              label={t('sv.pending')}
              value={counts.value.toLocaleString(language)}
              note={urgentText(counts.red)}
            />
            <Figure label={t('sv.safeguard.total')} value={stats.total.toLocaleString(language)} />
            <Figure label={t('sv.safeguard.mean')} value={seconds(stats.mean_response_seconds)} />
            <Figure
              label={t('sv.safeguard.approved_share')}
              value={stats.total > 0 ? formatPercent(stats.approved / stats.total, language) : '—'}
            />
          </Figures>
          <Halves>
            <Panel title={t('sv.pending')} flush>
              {pending.length === 0 ? (
                <Nothing>{t('sv.safeguard.none')}</Nothing>
              ) : (
                <PendingList items={pending.slice(0, 5)} label={t('sv.pending')} />
              )}
            </Panel>
            <Panel title={t('sv.safeguard.outcomes')}>
              <Breakdown
                label={t('sv.safeguard.outcomes')}
                total={stats.total}
                shares={(['approved', 'rejected', 'expired', 'cancelled'] as const).map((key) => ({
                  key,
                  name: t(`sv.safeguard.${key}`),
                  count: stats[key],
                }))}
              />
            </Panel>
          </Halves>
        </>
      )}
    </DashboardStates>
  )
}

export const wallPanels: { title: MessageKey; Panel: ComponentType }[] = [
  { title: 'sv.tab.overview', Panel: WallOverview },
  { title: 'sv.tab.support', Panel: WallSupport },
  { title: 'sv.tab.sentinel', Panel: WallSentinel },
  { title: 'sv.tab.enrichisseur', Panel: WallEnrichisseur },
  { title: 'sv.tab.safeguard', Panel: WallSafeguard },
]
