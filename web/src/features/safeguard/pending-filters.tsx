import { Keyboard, Search, SlidersHorizontal } from 'lucide-react'
import { useState, type RefObject } from 'react'
import type { Approval } from '@/api/types'
import { useT } from '@/lib/i18n'
import { Button } from '@/ui/button'
import { Input, Select, Switch } from '@/ui/field'
import { tierIcon, tierText } from './countdown'
import { tierOf, type PendingFilters, type Tier } from './decision-rules'

interface PendingFiltersBarProps {
  items: Approval[]
  nowMs: number
  filters: PendingFilters
  onChange: (filters: PendingFilters) => void
  searchRef: RefObject<HTMLInputElement | null>
  onHelp: () => void
}

function distinct(values: (string | null | undefined)[]) {
  return [...new Set(values.filter((each): each is string => Boolean(each)))].sort((a, b) =>
    a.localeCompare(b),
  )
}

const tiers: Tier[] = ['red', 'yellow', 'green']

export function PendingFiltersBar(props: PendingFiltersBarProps) {
  const { items, nowMs, filters, onChange, searchRef, onHelp } = props
  const { t } = useT()
  const [open, setOpen] = useState(false)
  // On phones the rarer filters fold away, so that the first request is in sight.
  const folded = open ? '' : 'max-sm:hidden'
  const tools = distinct(items.map((each) => each.tool_name))
  const clients = distinct(items.map((each) => each.context.client_name))
  const counts = { red: 0, yellow: 0, green: 0 }
  for (const each of items) counts[tierOf(each.expires_at, nowMs)] += 1

  return (
    <div className="mb-4 flex flex-col gap-3">
      <div
        role="group"
        aria-label={t('sg.urgency')}
        className="grid grid-cols-4 gap-1.5 sm:flex sm:gap-2"
      >
        {(['', ...tiers] as const).map((tier) => {
          const Icon = tier ? tierIcon[tier] : null
          return (
            <button
              key={tier || 'all'}
              type="button"
              aria-pressed={filters.tier === tier}
              onClick={() => {
                onChange({ ...filters, tier })
              }}
              className="border-line bg-surface hover:border-line-strong aria-pressed:border-accent aria-pressed:bg-accent-soft flex h-14 flex-col items-center justify-center rounded-xl border px-1 text-sm font-medium sm:h-10 sm:flex-row sm:gap-2 sm:px-4 sm:text-base"
            >
              <span className="flex items-center gap-1.5 max-sm:order-2">
                {Icon && tier ? (
                  <Icon className={`size-4 max-sm:hidden ${tierText[tier]}`} aria-hidden="true" />
                ) : null}
                {t(`sg.urgency.${tier || 'all'}`)}
              </span>
              <span
                className={`tabular-nums max-sm:text-md font-semibold ${tier ? tierText[tier] : ''}`}
              >
                {tier ? counts[tier] : items.length}
              </span>
            </button>
          )
        })}
      </div>
      <div className="grid grid-cols-2 gap-2 sm:flex sm:flex-wrap sm:items-center">
        <div className="relative col-span-2 max-sm:pr-13 sm:min-w-56 sm:flex-1">
          <Search
            className="text-faint pointer-events-none absolute top-1/2 left-3 size-4 -translate-y-1/2"
            aria-hidden="true"
          />
          <Input
            ref={searchRef}
            type="search"
            aria-label={t('sg.filter.q')}
            aria-keyshortcuts="/"
            placeholder={t('sg.filter.q')}
            value={filters.q}
            onChange={(event) => {
              onChange({ ...filters, q: event.target.value })
            }}
            className="pl-9"
          />
          <Button
            size="icon"
            aria-label={t('common.filters')}
            aria-expanded={open}
            className="absolute top-0 right-0 size-11 sm:hidden"
            onClick={() => {
              setOpen(!open)
            }}
          >
            <SlidersHorizontal className="size-4" aria-hidden="true" />
          </Button>
        </div>
        <div className={folded}>
          <Select
            aria-label={t('sg.filter.tool')}
            value={filters.tool}
            onChange={(event) => {
              onChange({ ...filters, tool: event.target.value })
            }}
            className="sm:w-44"
          >
            <option value="">{`${t('sg.filter.tool')} · ${t('common.all')}`}</option>
            {tools.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </Select>
        </div>
        <div className={folded}>
          <Select
            aria-label={t('sg.filter.client')}
            value={filters.client}
            onChange={(event) => {
              onChange({ ...filters, client: event.target.value })
            }}
            className="sm:w-44"
          >
            <option value="">{`${t('sg.filter.client')} · ${t('common.all')}`}</option>
            {clients.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </Select>
        </div>
        <Switch
          label={t('sg.filter.show_postponed')}
          checked={filters.showPostponed}
          onChange={(showPostponed) => {
            onChange({ ...filters, showPostponed })
          }}
          className={`col-span-2 sm:px-1 ${folded}`}
        />
        <Button variant="ghost" className="max-md:hidden" onClick={onHelp} aria-keyshortcuts="?">
          <Keyboard className="size-4" aria-hidden="true" />
          {t('sg.help.open')}
        </Button>
      </div>
    </div>
  )
}
