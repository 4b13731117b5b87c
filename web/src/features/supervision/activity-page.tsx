import { useInfiniteQuery } from '@tanstack/react-query'
import type { LiveFrame } from '@/api/live-feed'
import { activityQuery } from '@/api/supervision'
import { activityOf } from '@/api/supervision-frames'
import { useT } from '@/lib/i18n'
import { useTitle } from '@/lib/use-title'
import { ActivityList } from './activity-list'
import { ListFrame } from './list-frame'

const concerns = (frame: LiveFrame) => activityOf(frame) != null

export function ActivityPage() {
  const { t } = useT()
  const options = activityQuery()
  const query = useInfiniteQuery(options)
  const items = query.data?.pages.flatMap((page) => page.items) ?? []
  useTitle(`${t('sv.activity')} · SUPERVISION`)
  return (
    <ListFrame
      title={t('sv.activity')}
      isFiltered={false}
      onClear={() => undefined}
      query={query}
      queryKey={options.queryKey}
      concerns={concerns}
      empty={t('sv.activity.never')}
      count={items.length}
    >
      <ActivityList items={items} scope="all" label={t('sv.activity')} />
    </ListFrame>
  )
}
