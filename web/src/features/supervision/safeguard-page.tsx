import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { ArrowRight } from 'lucide-react'
import { Link } from '@tanstack/react-router'
import { safeguardDashboardQuery } from '@/api/supervision'
import { useActionTitle } from '@/api/action-title'
import type { SafeguardDashboard } from '@/api/supervision-types'
import { formatDuration, formatPercent } from '@/lib/format'
import { useT } from '@/lib/i18n'
import type { PeriodSearch } from '@/lib/period'
import { revealed } from '@/lib/reveal'
import { useTitle } from '@/lib/use-title'
import { Breakdown } from './breakdown'
import { DashboardHeader } from './dashboard-header'
import { DashboardStates } from './dashboard-states'
import { Change, Figure, Figures } from './figure'
import { Nothing, Panel } from './panel'
import { PendingList } from './pending-list'
import { periodOf } from './period-of'

/** The most urgent; SAFEGUARD has them all. */
const PENDING_SHOWN = 10

const route = getRouteApi('/app/supervision/safeguard')

export function SafeguardPage() {
  const { t } = useT()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { query: asked, link } = periodOf(search, '7d')
  const query = useQuery(safeguardDashboardQuery(asked))
  useTitle(`${t('sv.tab.safeguard')} · SUPERVISION`)
  return (
    <>
      <DashboardHeader
        title={t('sv.safeguard.heading')}
        asOf={query.data?.as_of}
        search={search}
        otherwise="7d"
        onChange={(next) => void navigate({ search: next, replace: true })}
      />
      <DashboardStates query={query}>
        {(data) => (
          <>
            <SafeguardFigures data={data} />
            <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-2">
              <Panel
                title={t('sv.pending')}
                note={
                  data.pending_counts.value > 0 ? (
                    <span className="max-sm:hidden">{data.pending_counts.value}</span>
                  ) : null
                }
                flush
                aside={
                  <Link
                    to="/safeguard/pending"
                    className="text-accent inline-flex h-11 shrink-0 items-center gap-1 text-sm font-medium underline-offset-4 hover:underline sm:h-8"
                  >
                    {t('sv.safeguard.go')}
                    <ArrowRight className="size-3.5" aria-hidden="true" />
                  </Link>
                }
              >
                {data.pending.length === 0 ? (
                  <Nothing>{t('sv.safeguard.none')}</Nothing>
                ) : (
                  <PendingList
                    items={data.pending.slice(0, PENDING_SHOWN)}
                    label={t('sv.pending')}
                  />
                )}
              </Panel>
              <div className="flex flex-col gap-4">
                <Decisions data={data} link={link} />
                <TopActions data={data} />
              </div>
            </div>
          </>
        )}
      </DashboardStates>
    </>
  )
}

function SafeguardFigures({ data }: { data: SafeguardDashboard }) {
  const { t, tn, language } = useT()
  const { stats, previous_total: previous, period, pending_counts: pending } = data
  const percent = previous === 0 ? null : ((stats.total - previous) / previous) * 100
  const count = { value: stats.total, previous, change_percent: percent }
  const seconds = (value: number | null | undefined) =>
    value == null ? '—' : formatDuration(value)
  return (
    <Figures>
      <Figure
        label={t('sv.pending')}
        value={pending.value.toLocaleString(language)}
        note={pending.red > 0 ? tn('sv.pending.urgent', pending.red) : t('sv.pending.none_urgent')}
        to={{ to: '/safeguard/pending' }}
      />
      <Figure
        label={t('sv.safeguard.total')}
        value={stats.total.toLocaleString(language)}
        note={<Change count={count} range={period.range} />}
        to={{ to: '/safeguard/history' }}
      />
      <Figure
        label={t('sv.safeguard.mean')}
        value={seconds(stats.mean_response_seconds)}
        note={
          stats.p90_response_seconds == null
            ? null
            : t('sv.safeguard.p90', { time: seconds(stats.p90_response_seconds) })
        }
      />
      <Figure
        label={t('sv.safeguard.approved_share')}
        value={stats.total > 0 ? formatPercent(stats.approved / stats.total, language) : '—'}
        note={t('sv.safeguard.approved_of', {
          n: stats.approved.toLocaleString(language),
          total: stats.total.toLocaleString(language),
        })}
        to={{ to: '/safeguard/statistics' }}
      />
    </Figures>
  )
}

function Decisions({ data, link }: { data: SafeguardDashboard; link: PeriodSearch }) {
  const { t } = useT()
  const { stats } = data
  // The history filters by days; a named range has none of its own.
  const days = link.from && link.to && link.from.length === 10 ? link : {}
  const shares = (['approved', 'rejected', 'expired', 'cancelled'] as const).map((status) => ({
    key: status,
    name: t(`sv.safeguard.${status}`),
    count: stats[status],
    to: {
      to: '/safeguard/history',
      search: { ...days, status: status === 'approved' ? undefined : status },
    } as const,
  }))
  const closed = stats.approved + stats.rejected + stats.expired + stats.cancelled
  const open = {
    key: 'open',
    name: t('sv.safeguard.open'),
    to: { to: '/safeguard/pending' },
  } as const
  return (
    <Panel title={t('sv.safeguard.outcomes')}>
      {stats.total === 0 ? (
        <Nothing>{t('sv.safeguard.nothing')}</Nothing>
      ) : (
        <Breakdown
          label={t('sv.safeguard.outcomes')}
          total={stats.total}
          shares={[...shares, { ...open, count: Math.max(0, stats.total - closed) }]}
        />
      )}
    </Panel>
  )
}

function TopActions({ data }: { data: SafeguardDashboard }) {
  const { t } = useT()
  const titleOf = useActionTitle()
  const { stats } = data
  return (
    <Panel title={t('sv.safeguard.top')}>
      {stats.top_actions.length === 0 ? (
        <Nothing>{t('sv.safeguard.nothing')}</Nothing>
      ) : (
        <Breakdown
          label={t('sv.safeguard.top')}
          total={stats.total}
          shares={stats.top_actions.map((each) => ({
            key: each.tool_name,
            name: `${titleOf(each)} (${revealed(each.tool_name, true)})`,
            count: each.count,
            to: { to: '/safeguard/history', search: { tool: each.tool_name } },
          }))}
        />
      )}
    </Panel>
  )
}
