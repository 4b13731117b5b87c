import { CalendarRange } from 'lucide-react'
import { useId, useState, type FormEvent } from 'react'
import { useT } from '@/lib/i18n'
import { parisDay } from '@/lib/paris'
import { RANGES, isDay, periodSearch, type NamedRange, type PeriodSearch } from '@/lib/period'
import { serverClock } from '@/lib/server-clock'
import { Button } from '@/ui/button'
import { Field, Input } from '@/ui/field'

interface RangePickerProps {
  search: PeriodSearch
  /** Shown where the address names none; `null`: all times. */
  otherwise: NamedRange | null
  onChange: (next: PeriodSearch) => void
}

const choice =
  'text-soft hover:text-ink aria-pressed:bg-accent-soft aria-pressed:text-accent flex h-11 flex-1 items-center justify-center gap-1.5 rounded-md px-2 text-base font-medium whitespace-nowrap sm:h-9 sm:px-3'

export function RangePicker({ search, otherwise, onChange }: RangePickerProps) {
  const { t } = useT()
  const custom = Boolean(search.from && search.to)
  const [open, setOpen] = useState(custom)
  const form = useId()
  const named = custom ? null : (search.range ?? otherwise)
  const pick = (next: PeriodSearch) => {
    setOpen(Boolean(next.from))
    onChange(next)
  }
  return (
    <div className="flex w-full flex-col gap-3 sm:w-auto sm:items-end">
      <div
        role="group"
        aria-label={t('sv.period')}
        className="border-line bg-surface flex w-full rounded-lg border p-1 sm:w-auto"
      >
        {otherwise == null ? (
          <button
            type="button"
            aria-pressed={!custom && !search.range}
            className={choice}
            onClick={() => {
              pick({})
            }}
          >
            {t('sv.range.all')}
          </button>
        ) : null}
        {RANGES.map((range) => (
          <button
            key={range}
            type="button"
            aria-pressed={named === range}
            className={choice}
            onClick={() => {
              pick({ range })
            }}
          >
            {t(`sv.range.${range}`)}
          </button>
        ))}
        <button
          type="button"
          aria-pressed={custom}
          aria-expanded={open}
          aria-controls={form}
          aria-label={t('sv.range.custom')}
          title={t('sv.range.custom')}
          className={choice}
          onClick={() => {
            setOpen(!open)
          }}
        >
          <CalendarRange className="size-4" aria-hidden="true" />
          <span className="max-lg:sr-only">{t('sv.range.dates')}</span>
        </button>
      </div>
      <div id={form} hidden={!open}>
        {open ? <CustomRange search={search} onChange={pick} /> : null}
      </div>
    </div>
  )
}

function CustomRange({ search, onChange }: Omit<RangePickerProps, 'otherwise'>) {
  const { t } = useT()
  const today = parisDay(serverClock.now())
  const day = (value: string | undefined) => (value ? (isDay(value) ? value : parisDay(value)) : '')
  const [from, setFrom] = useState(day(search.from))
  const [to, setTo] = useState(day(search.to) || today)
  const [refused, setRefused] = useState(false)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const next = periodSearch({ from, to })
    setRefused(!next.from)
    if (next.from) onChange(next)
  }
  return (
    <form noValidate onSubmit={submit} className="flex flex-wrap items-end gap-3">
      <Field label={t('common.from')} className="max-sm:flex-1">
        {(ids) => (
          <Input
            {...ids}
            type="date"
            max={to || today}
            value={from}
            onChange={(event) => {
              setFrom(event.target.value)
            }}
          />
        )}
      </Field>
      <Field label={t('common.to')} className="max-sm:flex-1">
        {(ids) => (
          <Input
            {...ids}
            type="date"
            min={from}
            value={to}
            onChange={(event) => {
              setTo(event.target.value)
            }}
          />
        )}
      </Field>
      <Button type="submit" className="max-sm:w-full">
        {t('sv.range.show')}
      </Button>
      {refused ? (
        <p role="alert" className="text-red w-full text-sm font-medium">
          {t('sv.range.refused')}
        </p>
      ) : null}
    </form>
  )
}
