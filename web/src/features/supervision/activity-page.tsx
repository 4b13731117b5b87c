import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import type { LiveFrame } from '@/api/live-feed'
import { activityQuery } from '@/api/supervision'
import { activityOf } from '@/api/supervision-frames'
import { useT } from '@/lib/i18n'
import { useTitle } from '@/lib/use-title'
import { ActivityList } from './activity-list'
import { ListFrame } from './list-frame'
import { periodOf } from './period-of'

const route = getRouteApi('/app/supervision/activite')
const concerns = (frame: LiveFrame) => activityOf(frame) !== null

export function ActivityPage() {
  const { t } = useT()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { query: filters, scope } = periodOf(search, '24h')
  const options = activityQuery(filters)
  const query = useInfiniteQuery(options)
  const items = query.data?.pages.flatMap((page) => page.items) ?? []
  useTitle(`${t('sv.activity')} · SUPERVISION`)
  return (
    <ListFrame
      title={t('sv.activity')}
      search={search}
      otherwise="24h"
      onRange={(next) => void navigate({ search: next, replace: true })}
      isFiltered={false}
      onClear={() => undefined}
      query={query}
      queryKey={options.queryKey}
      concerns={concerns}
      empty={t('sv.activity.none')}
      count={items.length}
    >
      <ActivityList items={items} scope={scope} label={t('sv.activity')} />
    </ListFrame>
  )
}
