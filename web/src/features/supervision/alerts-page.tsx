import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import type { LiveFrame } from '@/api/live-feed'
import { alertsQuery, type AlertFilters } from '@/api/supervision'
import { alertOf } from '@/api/supervision-frames'
import { useT } from '@/lib/i18n'
import { periodQuery } from '@/lib/period'
import { useTitle } from '@/lib/use-title'
import { FilterPanel } from '@/ui/filter-panel'
import { AlertTimeline } from './alert-timeline'
import { Choice, ClientChoice, SearchBox, YesNo } from './filter-fields'
import { RESPONSIBILITIES, SEVERITIES } from './labels'
import { ListFrame } from './list-frame'

const route = getRouteApi('/app/supervision/alertes')
const concerns = (frame: LiveFrame) => alertOf(frame) != null

export function AlertsPage() {
  const { t } = useT()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { range, from, to, ...chosen } = search
  const period = { range, from, to }
  const filters = { ...chosen, ...periodQuery(period) }
  const options = alertsQuery(filters)
  const query = useInfiniteQuery(options)
  const items = query.data?.pages.flatMap((page) => page.items) ?? []
  const isFiltered = Object.values(chosen).some((each) => each !== undefined)
  useTitle(`${t('sv.alerts')} · SUPERVISION`)
  const change = (next: Partial<typeof search>) =>
    void navigate({ search: { ...search, ...next }, replace: true })
  const clear = () => void navigate({ search: period, replace: true })
  return (
    <ListFrame
      title={t('sv.alerts')}
      period={{
        search: period,
        otherwise: null,
        onChange: (next) => void navigate({ search: { ...chosen, ...next }, replace: true }),
      }}
      isFiltered={isFiltered}
      onClear={clear}
      exported={{ list: 'alerts', filters }}
      query={query}
      queryKey={options.queryKey}
      concerns={concerns}
      empty={t('sv.alerts.none')}
      count={items.length}
      filters={
        <FilterPanel
          label={t('common.filters')}
          clearLabel={t('common.clear_filters')}
          onClear={isFiltered ? clear : undefined}
          className="md:grid-cols-3 lg:grid-cols-5"
          search={
            <SearchBox
              label={t('sv.alerts.search')}
              value={search.q}
              onChange={(q) => {
                change({ q })
              }}
            />
          }
        >
          <AlertChoices search={search} change={change} />
        </FilterPanel>
      }
    >
      <AlertTimeline alerts={items} scope={JSON.stringify(filters)} label={t('sv.alerts')} />
    </ListFrame>
  )
}

function AlertChoices({
  search,
  change,
}: {
  search: AlertFilters
  change: (next: Partial<AlertFilters>) => void
}) {
  const { t } = useT()
  return (
    <>
      <Choice
        label={t('sv.status')}
        value={search.status}
        choices={['active', 'resolved'] as const}
        nameOf={(each) => t(`sv.alert.${each}`)}
        onChange={(status) => {
          change({ status })
        }}
      />
      <Choice
        label={t('sv.severity')}
        value={search.severity}
        choices={SEVERITIES}
        nameOf={(each) => t(`sv.severity.${each}`)}
        onChange={(severity) => {
          change({ severity })
        }}
      />
      <Choice
        label={t('sv.responsibility')}
        value={search.responsibility}
        choices={RESPONSIBILITIES}
        nameOf={(each) => t(`sv.responsibility.${each}`)}
        onChange={(responsibility) => {
          change({ responsibility })
        }}
      />
      <ClientChoice value={search} onChange={change} />
      <SearchBox
        label={t('sv.device')}
        value={search.device}
        onChange={(device) => {
          change({ device })
        }}
      />
      <YesNo
        label={t('sv.alert.acknowledged')}
        value={search.acknowledged}
        onChange={(acknowledged) => {
          change({ acknowledged })
        }}
      />
      <YesNo
        label={t('sv.alert.flapping')}
        value={search.flapping}
        onChange={(flapping) => {
          change({ flapping })
        }}
      />
      <YesNo
        label={t('sv.alert.awaiting_diag')}
        value={search.awaiting_diag}
        onChange={(awaiting_diag) => {
          change({ awaiting_diag })
        }}
      />
    </>
  )
}
