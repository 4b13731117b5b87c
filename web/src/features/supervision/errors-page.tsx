import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import type { LiveFrame } from '@/api/live-feed'
import { errorsQuery } from '@/api/supervision'
import { errorOf } from '@/api/supervision-frames'
import { useT } from '@/lib/i18n'
import { useTitle } from '@/lib/use-title'
import { FilterPanel } from '@/ui/filter-panel'
import { ErrorList } from './error-list'
import { SearchBox, YesNo } from './filter-fields'
import { ListFrame } from './list-frame'
import { periodOf } from './period-of'

const route = getRouteApi('/app/supervision/erreurs')
const concerns = (frame: LiveFrame) => errorOf(frame) != null

export function ErrorsPage() {
  const { t } = useT()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { range, from, to, ...chosen } = search
  const period = { range, from, to }
  const filters = { ...chosen, ...periodOf(period, '24h').query }
  const options = errorsQuery(filters)
  const query = useInfiniteQuery(options)
  const items = query.data?.pages.flatMap((page) => page.items) ?? []
  const isFiltered = Object.values(chosen).some((each) => each !== undefined)
  useTitle(`${t('sv.errors')} · SUPERVISION`)
  const change = (next: Partial<typeof search>) =>
    void navigate({ search: { ...search, ...next }, replace: true })
  const clear = () => void navigate({ search: period, replace: true })
  return (
    <ListFrame
      title={t('sv.errors')}
      period={{
        search: period,
        otherwise: '24h',
        onChange: (next) => void navigate({ search: { ...chosen, ...next }, replace: true }),
      }}
      isFiltered={isFiltered}
      onClear={clear}
      exported={{ list: 'errors', filters }}
      query={query}
      queryKey={options.queryKey}
      concerns={concerns}
      empty={t('sv.errors.none')}
      count={items.length}
      filters={
        <FilterPanel
          label={t('common.filters')}
          clearLabel={t('common.clear_filters')}
          onClear={isFiltered ? clear : undefined}
          className="md:grid-cols-[2fr_1fr_2fr]"
          search={
            <SearchBox
              label={t('sv.workflow')}
              value={search.workflow}
              onChange={(workflow) => {
                change({ workflow })
              }}
            />
          }
        >
          <YesNo
            label={t('sv.error.is_recovered')}
            value={search.recovered}
            onChange={(recovered) => {
              change({ recovered })
            }}
          />
        </FilterPanel>
      }
    >
      <ErrorList items={items} scope={JSON.stringify(filters)} label={t('sv.errors')} full />
    </ListFrame>
  )
}
