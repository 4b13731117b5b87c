import { useQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { enrichisseurQuery } from '@/api/supervision'
import type { Enrichisseur } from '@/api/supervision-types'
import { useT } from '@/lib/i18n'
import { parisDateTime } from '@/lib/paris'
import type { PeriodSearch } from '@/lib/period'
import { useTitle } from '@/lib/use-title'
import { Breakdown } from './breakdown'
import { DashboardHeader } from './dashboard-header'
import { DashboardStates } from './dashboard-states'
import { Change, Figure, Figures } from './figure'
import { Nothing, Panel } from './panel'
import { periodOf } from './period-of'
import { RunList, useSourceName } from './run-list'
import type { Series } from './series'
import { SeriesPanel } from './series-panel'

const route = getRouteApi('/app/supervision/enrichisseur')

export function EnrichisseurPage() {
  const { t } = useT()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { query: asked, link, scope } = periodOf(search, '7d')
  const query = useQuery(enrichisseurQuery(asked))
  const sourceOf = useSourceName()
  useTitle(`${t('sv.tab.enrichisseur')} · SUPERVISION`)
  return (
    <>
      <DashboardHeader
        title={t('sv.enrichisseur.heading')}
        asOf={query.data?.as_of}
        search={search}
        otherwise="7d"
        onChange={(next) => void navigate({ search: next, replace: true })}
      />
      <DashboardStates query={query}>
        {(data) => (
          <>
            <EnrichisseurFigures data={data} link={link} />
            <Growth data={data} />
            <div className="grid grid-cols-1 items-start gap-4 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
              <Panel
                title={t('sv.runs.latest')}
                flush
                more={{ to: '/supervision/runs', search: link }}
              >
                {data.runs.length === 0 ? (
                  <Nothing>{t('sv.runs.none')}</Nothing>
                ) : (
                  <RunList items={data.runs} scope={scope} label={t('sv.runs.latest')} />
                )}
              </Panel>
              <Panel title={t('sv.by_source')}>
                {data.by_source.length === 0 ? (
                  <Nothing>{t('sv.runs.none')}</Nothing>
                ) : (
                  <Breakdown
                    label={t('sv.by_source')}
                    total={data.by_source.reduce((sum, each) => sum + each.count, 0)}
                    shares={data.by_source.map(({ source, count }) => ({
                      key: source,
                      name: sourceOf(source),
                      count,
                      to: { to: '/supervision/runs', search: link },
                    }))}
                  />
                )}
              </Panel>
            </div>
          </>
        )}
      </DashboardStates>
    </>
  )
}

function EnrichisseurFigures({ data, link }: { data: Enrichisseur; link: PeriodSearch }) {
  const { t, tn, language } = useT()
  const number = (value: number) => value.toLocaleString(language)
  const runs = { to: '/supervision/runs', search: link } as const
  const at = (iso: string | null | undefined) => (iso ? parisDateTime(iso, language) : '—')
  return (
    <Figures>
      <Figure
        label={t('sv.entries')}
        value={number(data.entries)}
        note={tn('sv.run.updated', data.updated)}
        to={runs}
      />
      <Figure
        label={t('sv.enrichisseur.added')}
        value={data.added.value > 0 ? `+${number(data.added.value)}` : '0'}
        note={<Change count={data.added} range={data.period.range} />}
        to={runs}
      />
      <Figure
        label={t('sv.runs')}
        value={number(data.runs_total)}
        note={
          data.failed_runs > 0
            ? tn('sv.enrichisseur.failed_runs', data.failed_runs)
            : t('sv.enrichisseur.no_failed_run')
        }
        to={runs}
      />
      <Figure
        label={t('sv.enrichisseur.next')}
        value={<span className="text-lg sm:text-xl">{at(data.next_run_at)}</span>}
        note={
          data.last_run_at
            ? t('sv.enrichisseur.last', { at: at(data.last_run_at) })
            : t('sv.enrichisseur.never')
        }
        to={runs}
      />
    </Figures>
  )
}

function Growth({ data }: { data: Enrichisseur }) {
  const { t } = useT()
  const changes: Series[] = [
    { key: 'added', label: t('sv.series.added'), color: 'var(--chart-1)', pattern: 'solid' },
    { key: 'updated', label: t('sv.series.updated'), color: 'var(--chart-2)', pattern: 'hatch' },
    { key: 'failed', label: t('sv.series.failed'), color: 'var(--red-bar)', pattern: 'cross' },
  ]
  const entries: Series[] = [
    { key: 'entries', label: t('sv.entries'), color: 'var(--chart-1)', pattern: 'solid' },
  ]
  const listOf = (step: PeriodSearch) => ({ to: '/supervision/runs', search: step }) as const
  return (
    <div className="grid grid-cols-1 gap-4 lg:grid-cols-2">
      <SeriesPanel
        title={t('sv.enrichisseur.entries_over_time')}
        points={data.series.map((each) => ({ at: each.at, values: { entries: each.entries } }))}
        series={entries}
        period={data.period}
        listOf={listOf}
        empty={t('sv.runs.none')}
      />
      <SeriesPanel
        title={t('sv.enrichisseur.changes')}
        points={data.series.map(({ at, added, updated, failed }) => ({
          at,
          values: { added, updated, failed },
        }))}
        series={changes}
        period={data.period}
        listOf={listOf}
        empty={t('sv.runs.none')}
      />
    </div>
  )
}
