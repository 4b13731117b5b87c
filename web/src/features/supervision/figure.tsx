// A number, what it compares with, and the list behind it.
import { Link, type LinkProps } from '@tanstack/react-router'
import { ArrowDown, ArrowRight, ArrowUp, Equal } from 'lucide-react'
import type { ReactNode } from 'react'
import type { Count, Range } from '@/api/supervision-types'
import { cn } from '@/lib/cn'
import { useT } from '@/lib/i18n'
import { changeSentence, changeText, directionOf } from './change'

export type Destination = Pick<LinkProps, 'to' | 'params' | 'search'>

const icons = { up: ArrowUp, down: ArrowDown, same: Equal, unknown: null }

export function Change({ count, range }: { count: Count; range: Range }) {
  const { t, language } = useT()
  const Icon = icons[directionOf(count)]
  return (
    <span className="inline-flex items-start gap-1">
      {Icon ? <Icon className="mt-[0.2em] size-3.5 shrink-0" aria-hidden="true" /> : null}
      <span aria-hidden="true">{changeText(count, range, t, language)}</span>
      <span className="sr-only">{changeSentence(count, range, t, language)}</span>
    </span>
  )
}

interface FigureProps {
  label: string
  value: ReactNode
  /** Under the number. */
  note?: ReactNode
  to?: Destination
  className?: string
}

/** Inside a `dl`. */
export function Figure({ label, value, note, to, className }: FigureProps) {
  return (
    <div
      className={cn(
        'group border-line bg-surface shadow-card relative row-span-3 grid grid-rows-subgrid gap-y-0 rounded-xl border p-4 sm:p-5',
        to && 'hover:border-accent transition-colors',
        className,
      )}
    >
      <dt className="text-soft flex items-start justify-between gap-2 text-sm">
        {label}
        {to ? (
          <ArrowRight
            className="text-faint size-4 shrink-0 transition-transform group-hover:translate-x-0.5"
            aria-hidden="true"
          />
        ) : null}
      </dt>
      <dd className="mt-1 font-serif text-xl leading-8 sm:text-2xl sm:leading-9 font-semibold tabular-nums">
        {to ? (
          <Link {...to} className="after:absolute after:inset-0 after:rounded-xl">
            {value}
            <span className="sr-only"> {label}</span>
          </Link>
        ) : (
          value
        )}
      </dd>
      {note ? <dd className="text-soft mt-0.5 text-sm">{note}</dd> : null}
    </div>
  )
}

export function Figures({ children, className }: { children: ReactNode; className?: string }) {
  return (
    <dl className={cn('grid grid-cols-2 gap-3 sm:gap-4 lg:grid-cols-4', className)}>{children}</dl>
  )
}
