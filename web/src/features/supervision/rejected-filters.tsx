// Whose facts, and why they were refused: each cause says how many there are of it.
import type { RejectedFilters } from '@/api/intake'
import { useT } from '@/lib/i18n'
import { Field, Input, Select } from '@/ui/field'
import { FilterPanel } from '@/ui/filter-panel'
import { useId } from 'react'
import { useRefusal } from './rejected-words'
import { useTyped } from './use-typed'

interface RejectedFilterBarProps {
  value: RejectedFilters
  /** Of the service chosen, the most frequent first. */
  byCode: { code: string; count: number }[]
  /** Accounts that are in sight. */
  services: string[]
  onChange: (next: RejectedFilters) => void
}

export function RejectedFilterBar({ value, byCode, services, onChange }: RejectedFilterBarProps) {
  const { t, language } = useT()
  const refusalOf = useRefusal()
  const known = useId()
  const [typed, setTyped] = useTyped(value.service, (service) => {
    onChange({ ...value, service })
  })
  const isListed = !value.code || byCode.some(({ code }) => code === value.code)
  const choices = isListed ? byCode : [...byCode, { code: value.code ?? '', count: 0 }]
  return (
    <FilterPanel
      label={t('common.filters')}
      clearLabel={t('common.clear_filters')}
      onClear={
        value.service || value.code
          ? () => {
              onChange({})
            }
          : undefined
      }
      className="md:grid-cols-[1fr_1fr_1fr]"
      search={
        <Field label={t('sv.rejected.why')}>
          {(ids) => (
            <Select
              {...ids}
              value={value.code ?? ''}
              onChange={(event) => {
                onChange({ ...value, code: event.target.value || undefined })
              }}
            >
              <option value="">{t('common.all_f')}</option>
              {choices.map(({ code, count }) => (
                <option key={code} value={code}>
                  {t('sv.rejected.choice', {
                    name: refusalOf(code),
                    count: count.toLocaleString(language),
                  })}
                </option>
              ))}
            </Select>
          )}
        </Field>
      }
    >
      <Field label={t('sv.rejected.service')} className="col-span-2 md:col-span-1">
        {(ids) => (
          <>
            <Input
              {...ids}
              type="search"
              list={known}
              autoCapitalize="off"
              value={typed}
              onChange={(event) => {
                setTyped(event.target.value)
              }}
            />
            <datalist id={known}>
              {services.map((each) => (
                <option key={each} value={each} />
              ))}
            </datalist>
          </>
        )}
      </Field>
    </FilterPanel>
  )
}
