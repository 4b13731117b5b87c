import { useInfiniteQuery } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import { ticketsQuery } from '@/api/supervision'
import { ticketOf } from '@/api/supervision-frames'
import type { LiveFrame } from '@/api/live-feed'
import { useT } from '@/lib/i18n'
import { useTitle } from '@/lib/use-title'
import { FilterPanel } from '@/ui/filter-panel'
import { Choice, ClientChoice, SearchBox, YesNo } from './filter-fields'
import { CATEGORIES, OUTCOMES, categoryName } from './labels'
import { ListFrame } from './list-frame'
import { periodOf } from './period-of'
import { TicketList } from './ticket-list'

const route = getRouteApi('/app/supervision/tickets')
const concerns = (frame: LiveFrame) => ticketOf(frame) != null

export function TicketsPage() {
  const { t } = useT()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const { range, from, to, ...chosen } = search
  const period = { range, from, to }
  const filters = { ...chosen, ...periodOf(period, 'today').query }
  const options = ticketsQuery(filters)
  const query = useInfiniteQuery(options)
  const items = query.data?.pages.flatMap((page) => page.items) ?? []
  const isFiltered = Object.values(chosen).some((each) => each !== undefined)
  useTitle(`${t('sv.tickets')} · SUPERVISION`)
  const change = (next: Partial<typeof search>) =>
    void navigate({ search: { ...search, ...next }, replace: true })
  const clear = () => void navigate({ search: period, replace: true })
  return (
    <ListFrame
      title={t('sv.tickets')}
      period={{
        search: period,
        otherwise: 'today',
        onChange: (next) => void navigate({ search: { ...chosen, ...next }, replace: true }),
      }}
      isFiltered={isFiltered}
      onClear={clear}
      exported={{ list: 'tickets', filters }}
      query={query}
      queryKey={options.queryKey}
      concerns={concerns}
      empty={t('sv.tickets.none')}
      count={items.length}
      filters={
        <FilterPanel
          label={t('common.filters')}
          clearLabel={t('common.clear_filters')}
          onClear={isFiltered ? clear : undefined}
          className="md:grid-cols-[2fr_1fr_1fr_1fr_1.4fr]"
          search={
            <SearchBox
              label={t('sv.tickets.search')}
              value={search.q}
              onChange={(q) => {
                change({ q })
              }}
            />
          }
        >
          <Choice
            label={t('sv.category')}
            value={search.category}
            choices={CATEGORIES}
            nameOf={categoryName}
            onChange={(category) => {
              change({ category })
            }}
          />
          <Choice
            label={t('sv.outcome')}
            value={search.outcome}
            choices={OUTCOMES}
            nameOf={(each) => t(`sv.outcome.${each}`)}
            onChange={(outcome) => {
              change({ outcome })
            }}
          />
          <YesNo
            label={t('sv.ticket.automatic')}
            value={search.automatic}
            onChange={(automatic) => {
              change({ automatic })
            }}
          />
          <ClientChoice value={search} onChange={change} />
        </FilterPanel>
      }
    >
      <TicketList items={items} scope={JSON.stringify(filters)} label={t('sv.tickets')} full />
    </ListFrame>
  )
}
