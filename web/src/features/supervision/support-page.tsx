import { useQuery } from '@tanstack/react-query'
import { getRouteApi, Link } from '@tanstack/react-router'
import { supportQuery } from '@/api/supervision'
import type { Support } from '@/api/supervision-types'
import { formatDuration, formatPercent } from '@/lib/format'
import { useT } from '@/lib/i18n'
import type { PeriodSearch } from '@/lib/period'
import { useTitle } from '@/lib/use-title'
import { Breakdown } from './breakdown'
import { DashboardHeader } from './dashboard-header'
import { DashboardStates } from './dashboard-states'
import { ErrorList } from './error-list'
import { Change, Figure, Figures } from './figure'
import { CATEGORIES, categoryName, useClientWords } from './labels'
import { Nothing, Panel } from './panel'
import { periodOf } from './period-of'
import type { Series } from './series'
import { SeriesPanel } from './series-panel'
import { TicketList } from './ticket-list'

const route = getRouteApi('/app/supervision/support')

export const categorySeries: Series[] = [
  { key: 'RESET_MDP', label: categoryName('RESET_MDP'), color: 'var(--chart-1)', pattern: 'solid' },
  { key: 'DEBLOCAGE', label: categoryName('DEBLOCAGE'), color: 'var(--chart-2)', pattern: 'hatch' },
  { key: 'DIAG', label: categoryName('DIAG'), color: 'var(--chart-3)', pattern: 'dots' },
  { key: 'AUTRE', label: categoryName('AUTRE'), color: 'var(--chart-4)', pattern: 'cross' },
]

export function SupportPage() {
  const { t } = useT()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { query: asked, link, scope } = periodOf(search, 'today')
  const query = useQuery(supportQuery(asked))
  useTitle(`${t('sv.tab.support')} · SUPERVISION`)
  return (
    <>
      <DashboardHeader
        title={t('sv.support.heading')}
        asOf={query.data?.as_of}
        search={search}
        otherwise="today"
        onChange={(next) => void navigate({ search: next, replace: true })}
      />
      <DashboardStates query={query}>
        {(data) => (
          <>
            <SupportFigures data={data} link={link} />
            <div className="grid grid-cols-1 gap-4 lg:grid-cols-2">
              <Categories data={data} link={link} />
              <SeriesPanel
                title={t('sv.support.series')}
                points={data.series.map(({ at, counts }) => ({ at, values: counts }))}
                series={categorySeries}
                period={data.period}
                listOf={(step) => ({ to: '/supervision/tickets', search: step })}
                empty={t('sv.tickets.none')}
              />
            </div>
            <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
              <Panel
                title={t('sv.support.latest')}
                flush
                more={{ to: '/supervision/tickets', search: link }}
              >
                {data.latest.length === 0 ? (
                  <Nothing>{t('sv.tickets.none')}</Nothing>
                ) : (
                  <TicketList items={data.latest} scope={scope} label={t('sv.support.latest')} />
                )}
              </Panel>
              <ClientShares data={data} link={link} />
            </div>
            <Panel
              title={t('sv.support.errors')}
              flush
              more={{ to: '/supervision/erreurs', search: { range: '24h' } }}
            >
              {data.errors.length === 0 ? (
                <Nothing>{t('sv.errors.none')}</Nothing>
              ) : (
                <ErrorList items={data.errors} scope="24h" label={t('sv.support.errors')} />
              )}
            </Panel>
          </>
        )}
      </DashboardStates>
    </>
  )
}

interface PartProps {
  data: Support
  link: PeriodSearch
}

function SupportFigures({ data, link }: PartProps) {
  const { t, tn, language } = useT()
  const automatic = data.by_category.reduce((sum, each) => sum + each.automatic_count, 0)
  // The list stops at twenty: more than that are not counted here.
  const isWhole = data.errors.length === data.errors_24h
  const unrecovered = data.errors.filter((each) => !each.recovered).length
  const escalated = data.by_outcome.find((each) => each.outcome === 'escalated')?.count ?? 0
  return (
    <Figures>
      <Figure
        label={t('sv.support.total')}
        value={data.total.value.toLocaleString(language)}
        note={<Change count={data.total} range={data.period.range} />}
        to={{ to: '/supervision/tickets', search: link }}
      />
      <Figure
        label={t('sv.support.automatic')}
        value={automatic.toLocaleString(language)}
        note={tn('sv.support.escalated', escalated)}
        to={{ to: '/supervision/tickets', search: { ...link, automatic: true } }}
      />
      <Figure
        label={t('sv.support.duration')}
        value={data.mean_duration_ms == null ? '—' : formatDuration(data.mean_duration_ms / 1000)}
        note={t('sv.support.duration_note')}
      />
      <Figure
        label={t('sv.support.errors')}
        value={data.errors_24h.toLocaleString(language)}
        note={isWhole && data.errors_24h > 0 ? tn('sv.support.unrecovered', unrecovered) : null}
        to={{ to: '/supervision/erreurs', search: { range: '24h' } }}
      />
    </Figures>
  )
}

/** The PRD's table: how many, and how many of them without anybody. */
function Categories({ data, link }: PartProps) {
  const { t, language } = useT()
  const automatic = data.by_category.reduce((sum, each) => sum + each.automatic_count, 0)
  const percent = (value: number) =>
    (value / 100).toLocaleString(language, { style: 'percent', maximumFractionDigits: 0 })
  return (
    <Panel title={t('sv.support.by_category')}>
      <table className="w-full text-left text-base">
        <caption className="sr-only">{t('sv.support.by_category')}</caption>
        <thead className="text-faint border-line border-b text-sm">
          <tr>
            <th scope="col" className="py-2 font-medium">
              {t('sv.category')}
            </th>
            <th scope="col" className="px-2 py-2 text-right font-medium">
              {t('sv.count')}
            </th>
            <th scope="col" className="px-2 py-2 text-right font-medium max-sm:hidden">
              {t('sv.before')}
            </th>
            <th scope="col" className="py-2 text-right font-medium">
              {t('sv.support.auto_rate')}
            </th>
          </tr>
        </thead>
        <tbody>
          {CATEGORIES.map((category) => {
            const row = data.by_category.find((each) => each.category === category)
            return (
              <tr
                key={category}
                className="border-line hover:bg-sunken/60 relative border-b last:border-0"
              >
                <th scope="row" className="py-2.5 font-medium">
                  <Link
                    to="/supervision/tickets"
                    search={{ ...link, category }}
                    className="underline-offset-4 after:absolute after:inset-0 hover:underline"
                  >
                    {categoryName(category)}
                  </Link>
                </th>
                <td className="px-2 py-2.5 text-right font-semibold tabular-nums">
                  {(row?.count ?? 0).toLocaleString(language)}
                </td>
                <td className="text-soft px-2 py-2.5 text-right tabular-nums max-sm:hidden">
                  {(row?.previous ?? 0).toLocaleString(language)}
                </td>
                <td className="py-2.5 text-right tabular-nums">
                  {row?.automatic_percent == null ? (
                    <abbr title={t('sv.support.no_rate')} className="text-soft no-underline">
                      {t('sv.not_applicable')}
                    </abbr>
                  ) : (
                    percent(row.automatic_percent)
                  )}
                </td>
              </tr>
            )
          })}
        </tbody>
        <tfoot className="border-line-strong border-t font-semibold">
          <tr>
            <th scope="row" className="pt-2.5">
              {t('sv.total')}
            </th>
            <td className="px-2 pt-2.5 text-right tabular-nums">
              {data.total.value.toLocaleString(language)}
            </td>
            <td className="text-soft px-2 pt-2.5 text-right tabular-nums max-sm:hidden">
              {data.total.previous.toLocaleString(language)}
            </td>
            <td className="pt-2.5 text-right tabular-nums">
              {data.total.value > 0 ? formatPercent(automatic / data.total.value, language) : '—'}
            </td>
          </tr>
        </tfoot>
      </table>
    </Panel>
  )
}

function ClientShares({ data, link }: PartProps) {
  const { t } = useT()
  const wordsOf = useClientWords()
  return (
    <Panel title={t('sv.by_client')}>
      {data.by_client.length === 0 ? (
        <Nothing>{t('sv.tickets.none')}</Nothing>
      ) : (
        <Breakdown
          label={t('sv.by_client')}
          total={data.total.value}
          shares={data.by_client.map(({ client, count }) => ({
            key: client?.id ?? '-',
            name: wordsOf(client),
            count,
            to: { to: '/supervision/tickets', search: { ...link, client_id: client?.id ?? '-' } },
          }))}
        />
      )}
    </Panel>
  )
}
