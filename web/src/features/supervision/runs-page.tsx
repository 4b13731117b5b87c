import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import type { LiveFrame } from '@/api/live-feed'
import { runsQuery } from '@/api/supervision'
import { runOf } from '@/api/supervision-frames'
import { useT } from '@/lib/i18n'
import { useTitle } from '@/lib/use-title'
import { ListFrame } from './list-frame'
import { periodOf } from './period-of'
import { RunList } from './run-list'

const route = getRouteApi('/app/supervision/runs')
const concerns = (frame: LiveFrame) => runOf(frame) != null

export function RunsPage() {
  const { t } = useT()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { query: filters, scope } = periodOf(search, '30d')
  const options = runsQuery(filters)
  const query = useInfiniteQuery(options)
  const items = query.data?.pages.flatMap((page) => page.items) ?? []
  useTitle(`${t('sv.runs')} · SUPERVISION`)
  return (
    <ListFrame
      title={t('sv.runs.heading')}
      period={{
        search: search,
        otherwise: '30d',
        onChange: (next) => void navigate({ search: next, replace: true }),
      }}
      isFiltered={false}
      onClear={() => undefined}
      exported={{ list: 'runs', filters }}
      query={query}
      queryKey={options.queryKey}
      concerns={concerns}
      empty={t('sv.runs.none')}
      count={items.length}
    >
      <RunList items={items} scope={scope} label={t('sv.runs')} />
    </ListFrame>
  )
}
