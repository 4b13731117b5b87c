import { useEffect, useState } from 'react'
import type { AuditFilters } from '@/api/audit'
import { useT, type MessageKey } from '@/lib/i18n'
import { Field, Input } from '@/ui/field'
import { FilterPanel } from '@/ui/filter-panel'

interface AuditFilterBarProps {
  search: AuditFilters
  onChange: (next: AuditFilters) => void
  onClear?: () => void
}

const texts: [keyof AuditFilters, MessageKey][] = [
  ['actor', 'audit.actor'],
  ['action', 'audit.action'],
  ['target_type', 'audit.target_type'],
  ['target_id', 'audit.target_id'],
]

/** Text is typed here and told to the URL once typing pauses. */
export function AuditFilterBar({ search, onChange, onClear }: AuditFilterBarProps) {
  const { t } = useT()
  const [typed, setTyped] = useState<AuditFilters>(search)
  const [known, setKnown] = useState(search)
  if (known !== search) {
    setKnown(search)
    setTyped(search)
  }
  useEffect(() => {
    if (typed === known) return
    const timer = setTimeout(() => {
      onChange(typed)
    }, 350)
    return () => {
      clearTimeout(timer)
    }
  })
  const set = (name: keyof AuditFilters) => (event: { target: { value: string } }) => {
    setTyped({ ...typed, [name]: event.target.value || undefined })
  }
  return (
    <FilterPanel
      label={t('common.filters')}
      clearLabel={t('common.clear_filters')}
      onClear={onClear}
      className="md:grid-cols-4"
      search={
        <Field label={t('audit.q')} className="md:col-span-2">
          {(ids) => <Input {...ids} type="search" value={typed.q ?? ''} onChange={set('q')} />}
        </Field>
      }
    >
      <Field label={t('common.from')}>
        {(ids) => (
          <Input
            {...ids}
            type="date"
            max={typed.to}
            value={typed.from ?? ''}
            onChange={set('from')}
          />
        )}
      </Field>
      <Field label={t('common.to')}>
        {(ids) => (
          <Input
            {...ids}
            type="date"
            min={typed.from}
            value={typed.to ?? ''}
            onChange={set('to')}
          />
        )}
      </Field>
      {texts.map(([name, label]) => (
        <Field key={name} label={t(label)}>
          {(ids) => <Input {...ids} value={typed[name] ?? ''} onChange={set(name)} />}
        </Field>
      ))}
    </FilterPanel>
  )
}
