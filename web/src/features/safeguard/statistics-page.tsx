import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { lazy, Suspense, useState, type ReactNode } from 'react'
import { describeError } from '@/api/problem'
import { statsQuery } from '@/api/safeguard'
import type { ApprovalStats } from '@/api/types'
import { dayEnd, dayStart, formatDate, formatDuration, formatPercent } from '@/lib/format'
import { useT } from '@/lib/i18n'
import { revealed } from '@/lib/reveal'
import { useTitle } from '@/lib/use-title'
import { Button } from '@/ui/button'
import { Field, Input } from '@/ui/field'
import { Card, PageHeader } from '@/ui/page'
import { EmptyState, ErrorState, Skeleton } from '@/ui/states'
import { useActionTitle } from '@/api/action-title'

const route = getRouteApi('/app/safeguard/statistics')
const Donut = lazy(() => import('./stats-charts').then((m) => ({ default: m.Donut })))
const Bars = lazy(() => import('./stats-charts').then((m) => ({ default: m.Bars })))

export interface Slice {
  name: string
  count: number
  color?: string
}

export function StatisticsPage() {
  const { t, language } = useT()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  useTitle(`${t('sg.tab.statistics')} · ${t('sg.title')}`)
  const custom = Boolean(search.from && search.to)
  const days = search.days ?? 7
  const range =
    search.from && search.to ? { from: dayStart(search.from), to: dayEnd(search.to) } : { days }
  const query = useQuery({ ...statsQuery(range), placeholderData: (previous) => previous })
  const problem = query.error ? describeError(query.error, t) : null
  const stats = query.data

  return (
    <>
      <PageHeader
        title={t('sg.stats.heading')}
        intro={
          stats
            ? `${formatDate(stats.from, language)} – ${formatDate(stats.to, language)}`
            : undefined
        }
        aside={
          <div className="grid w-full grid-cols-2 items-end gap-3 sm:flex sm:w-auto sm:flex-wrap">
            <div
              role="group"
              aria-label={t('sg.filter.period')}
              className="border-line bg-surface col-span-2 flex justify-between rounded-lg border p-1"
            >
              {[1, 7, 30, 90].map((each) => (
                <button
                  key={each}
                  type="button"
                  aria-pressed={!custom && days === each}
                  onClick={() => void navigate({ search: { days: each }, replace: true })}
                  className="text-soft aria-pressed:bg-accent-soft aria-pressed:text-accent h-11 rounded-md sm:h-9 px-3 text-base font-medium"
                >
                  {each === 1 ? '24 h' : t('sg.stats.days', { n: each })}
                </button>
              ))}
            </div>
            <Field label={t('common.from')}>
              {(ids) => (
                <Input
                  {...ids}
                  type="date"
                  max={search.to}
                  value={search.from ?? ''}
                  onChange={(event) =>
                    void navigate({
                      search: { from: event.target.value || undefined, to: search.to },
                      replace: true,
                    })
                  }
                />
              )}
            </Field>
            <Field label={t('common.to')}>
              {(ids) => (
                <Input
                  {...ids}
                  type="date"
                  min={search.from}
                  value={search.to ?? ''}
                  onChange={(event) =>
                    void navigate({
                      search: { from: search.from, to: event.target.value || undefined },
                      replace: true,
                    })
                  }
                />
              )}
            </Field>
          </div>
        }
      />
      {problem ? (
        <ErrorState
          className="mb-4"
          text={problem.text}
          trace={problem.traceId}
          retryLabel={t('common.retry')}
          onRetry={() => void query.refetch()}
        />
      ) : null}
      {query.isPending ? (
        <div role="status" className="grid gap-4 md:grid-cols-3">
          <span className="sr-only">{t('common.loading')}</span>
          {[0, 1, 2, 3].map((each) => (
            <Skeleton key={each} className="h-40 rounded-xl" />
          ))}
        </div>
      ) : null}
      {stats ? (
        stats.total === 0 ? (
          <EmptyState title={t('sg.stats.empty')} text={t('sg.stats.empty_text')} />
        ) : (
          <Figures stats={stats} />
        )
      ) : null}
    </>
  )
}

function Figure({ label, value }: { label: string; value: string }) {
  return (
    <Card className="p-4 sm:p-5">
      <dt className="text-soft text-sm">{label}</dt>
      <dd className="mt-1 font-serif text-xl font-semibold whitespace-nowrap tabular-nums sm:text-2xl">
        {value}
      </dd>
    </Card>
  )
}

function Figures({ stats }: { stats: ApprovalStats }) {
  const { t, language } = useT()
  const titleOf = useActionTitle()
  const seconds = (value: number | null | undefined) =>
    value == null ? '—' : formatDuration(value)
  const closed = stats.approved + stats.rejected + stats.expired + stats.cancelled
  const outcome: Slice[] = [
    { name: t('sg.stats.approved'), count: stats.approved, color: 'var(--green-bar)' },
    { name: t('sg.stats.rejected'), count: stats.rejected, color: 'var(--red-bar)' },
    { name: t('sg.stats.expired'), count: stats.expired, color: 'var(--yellow-bar)' },
    { name: t('sg.stats.cancelled'), count: stats.cancelled, color: 'var(--chart-4)' },
    { name: t('sg.stats.open'), count: Math.max(0, stats.total - closed), color: 'var(--chart-1)' },
  ].filter((each) => each.count > 0)
  const byClient = stats.by_client.map((each): Slice => {
    const id = each.client_id ? revealed(each.client_id, true) : t('sg.stats.no_client')
    return { name: each.client_name ? revealed(each.client_name) : id, count: each.count }
  })
  const byWorkflow = stats.by_workflow.map((each): Slice => {
    const name = each.workflow ? revealed(each.workflow, true) : t('common.unknown')
    return { name, count: each.count }
  })
  const titles = stats.top_actions.map(titleOf)
  const topActions = stats.top_actions.map((each, i): Slice => {
    const title = titles[i] ?? each.tool_name
    // Two tools may do what one sentence says: then their names tell them apart.
    const shared = titles.filter((other) => other === title).length > 1
    return {
      name: shared ? `${title} (${revealed(each.tool_name, true)})` : title,
      count: each.count,
    }
  })
  return (
    <div className="flex flex-col gap-4">
      <dl className="grid grid-cols-2 gap-3 sm:gap-4 lg:grid-cols-4">
        <Figure label={t('sg.stats.total')} value={stats.total.toLocaleString(language)} />
        <Figure
          label={t('sg.stats.approved')}
          value={formatPercent(stats.approved / stats.total, language)}
        />
        <Figure label={t('sg.stats.mean')} value={seconds(stats.mean_response_seconds)} />
        <Figure label={t('sg.stats.p90')} value={seconds(stats.p90_response_seconds)} />
      </dl>
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <div className="flex flex-col gap-4">
          <Panel
            title={t('sg.stats.share')}
            slices={outcome}
            total={stats.total}
            chart={<Donut slices={outcome} total={stats.total} />}
          />
          <BarPanel title={t('sg.stats.by_client')} total={stats.total} slices={byClient} />
        </div>
        <div className="flex flex-col gap-4">
          <BarPanel title={t('sg.stats.top_actions')} total={stats.total} slices={topActions} />
          <BarPanel title={t('sg.stats.by_workflow')} total={stats.total} slices={byWorkflow} />
        </div>
      </div>
    </div>
  )
}

function BarPanel(props: { title: string; slices: Slice[]; total: number }) {
  return <Panel {...props} chart={<Bars slices={props.slices} />} />
}

function Panel({
  title,
  slices,
  total,
  chart,
}: {
  title: string
  slices: Slice[]
  total: number
  chart: ReactNode
}) {
  const { t, language } = useT()
  const [table, setTable] = useState(false)
  return (
    <Card className="p-4 sm:p-5">
      <div className="mb-3 flex items-center justify-between gap-3">
        <h2 className="text-md font-semibold">{title}</h2>
        <Button
          variant="ghost"
          size="sm"
          onClick={() => {
            setTable(!table)
          }}
        >
          {table ? t('common.show_chart') : t('common.show_table')}
          <span className="sr-only"> · {title}</span>
        </Button>
      </div>
      {slices.length === 0 ? <p className="text-soft text-base">—</p> : null}
      {table ? (
        <table className="w-full text-left text-base">
          <caption className="sr-only">{title}</caption>
          <thead className="text-faint border-line border-b text-sm">
            <tr>
              <th scope="col" className="py-2 font-medium">
                {title}
              </th>
              <th scope="col" className="py-2 text-right font-medium">
                {t('sg.stats.count')}
              </th>
              <th scope="col" className="py-2 text-right font-medium">
                {t('sg.stats.part')}
              </th>
            </tr>
          </thead>
          <tbody>
            {slices.map((each) => (
              <tr key={each.name} className="border-line border-b last:border-0">
                <th scope="row" className="py-2 font-normal">
                  {each.name}
                </th>
                <td className="py-2 text-right tabular-nums">
                  {each.count.toLocaleString(language)}
                </td>
                <td className="text-soft py-2 text-right tabular-nums">
                  {formatPercent(each.count / total, language)}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <Suspense fallback={<Skeleton className="h-52" />}>
          {slices.length > 0 ? chart : null}
        </Suspense>
      )}
    </Card>
  )
}
