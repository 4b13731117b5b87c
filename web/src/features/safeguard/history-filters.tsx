import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { clientsQuery } from '@/api/clients'
import { toolsQuery, type HistoryFilters } from '@/api/safeguard'
import type { ApprovalStatus } from '@/api/types'
import { useT } from '@/lib/i18n'
import { Field, Input, Select } from '@/ui/field'
import { FilterPanel } from '@/ui/filter-panel'

const statuses: ApprovalStatus[] = [
  'approved',
  'executing',
  'executed',
  'execution_failed',
  'rejected',
  'expired',
  'cancelled',
  'lapsed',
]

interface HistoryFilterBarProps {
  search: HistoryFilters
  onChange: (next: HistoryFilters) => void
  onClear?: () => void
}

/** A text box that tells the URL only once typing pauses. */
function useTyped(value: string | undefined, commit: (value: string | undefined) => void) {
  const [typed, setTyped] = useState(value ?? '')
  const [known, setKnown] = useState(value)
  if (known !== value) {
    setKnown(value)
    setTyped(value ?? '')
  }
  useEffect(() => {
    if (typed === (value ?? '')) return
    const timer = setTimeout(() => {
      commit(typed.trim() || undefined)
    }, 350)
    return () => {
      clearTimeout(timer)
    }
  })
  return [typed, setTyped] as const
}

export function HistoryFilterBar({ search, onChange, onClear }: HistoryFilterBarProps) {
  const { t } = useT()
  const { data: tools } = useQuery(toolsQuery)
  const { data: clients } = useQuery(clientsQuery)
  const [q, setQ] = useTyped(search.q, (value) => {
    onChange({ ...search, q: value })
  })
  return (
    <FilterPanel
      label={t('common.filters')}
      clearLabel={t('common.clear_filters')}
      onClear={onClear}
      className="md:grid-cols-3 lg:grid-cols-[2fr_1.3fr_1.3fr_1.3fr_1fr_1fr]"
      search={
        <Field label={t('common.search')}>
          {(ids) => (
            <Input
              {...ids}
              type="search"
              value={q}
              onChange={(event) => {
                setQ(event.target.value)
              }}
            />
          )}
        </Field>
      }
    >
      <Field label={t('sg.filter.status')}>
        {(ids) => (
          <Select
            {...ids}
            value={search.status ?? ''}
            onChange={(event) => {
              onChange({ ...search, status: (event.target.value || undefined) as ApprovalStatus })
            }}
          >
            <option value="">{t('common.all')}</option>
            {statuses.map((each) => (
              <option key={each} value={each}>
                {t(`sg.status.${each}`)}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label={t('sg.filter.tool')}>
        {(ids) => (
          <Select
            {...ids}
            value={search.tool ?? ''}
            onChange={(event) => {
              onChange({ ...search, tool: event.target.value || undefined })
            }}
          >
            <option value="">{t('common.all')}</option>
            {search.tool && !tools?.some((each) => each.name === search.tool) ? (
              <option>{search.tool}</option>
            ) : null}
            {tools?.map((each) => (
              <option key={each.name}>{each.name}</option>
            ))}
          </Select>
        )}
      </Field>
      <Field label={t('sg.filter.client')} className="max-md:col-span-2">
        {(ids) => (
          <Select
            {...ids}
            value={search.client ?? ''}
            onChange={(event) => {
              onChange({ ...search, client: event.target.value || undefined })
            }}
          >
            <option value="">{t('common.all')}</option>
            {search.client && !clients?.some((each) => each.id === search.client) ? (
              <option>{search.client}</option>
            ) : null}
            {clients?.map((each) => (
              <option key={each.id} value={each.id}>
                {each.name}
              </option>
            ))}
          </Select>
        )}
      </Field>
      <Field label={t('common.from')}>
        {(ids) => (
          <Input
            {...ids}
            type="date"
            max={search.to}
            value={search.from ?? ''}
            onChange={(event) => {
              onChange({ ...search, from: event.target.value || undefined })
            }}
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
            onChange={(event) => {
              onChange({ ...search, to: event.target.value || undefined })
            }}
          />
        )}
      </Field>
    </FilterPanel>
  )
}
