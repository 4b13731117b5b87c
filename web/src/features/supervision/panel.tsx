import { Link } from '@tanstack/react-router'
import { ArrowRight } from 'lucide-react'
import { useId, type ReactNode } from 'react'
import { cn } from '@/lib/cn'
import { useT } from '@/lib/i18n'
import { Card } from '@/ui/page'
import type { Destination } from './figure'

interface PanelProps {
  title: string
  note?: ReactNode
  aside?: ReactNode
  /** Where there is more of it. */
  more?: Destination
  /** A list that goes from edge to edge. */
  flush?: boolean
  className?: string
  children: ReactNode
}

export function Panel({ title, note, aside, more, flush, className, children }: PanelProps) {
  const { t } = useT()
  const id = useId()
  return (
    <section aria-labelledby={id} className={cn('min-w-0', className)}>
      <Card className="h-full">
        <div className="flex min-h-13 items-center justify-between gap-x-3 px-4 pt-2 pb-2 sm:px-5 sm:pb-1">
          <h2
            id={id}
            className="text-md flex min-w-0 flex-wrap items-baseline gap-x-2 font-semibold"
          >
            <span>{title}</span>{' '}
            {note ? <span className="text-soft text-sm font-normal">{note}</span> : null}
          </h2>
          {aside}
          {more ? (
            <Link
              {...more}
              className="text-accent inline-flex h-11 shrink-0 items-center gap-1 text-sm font-medium underline-offset-4 hover:underline sm:h-8"
            >
              {t('sv.see_all')}
              <span className="sr-only"> · {title}</span>
              <ArrowRight className="size-3.5" aria-hidden="true" />
            </Link>
          ) : null}
        </div>
        <div className={flush ? 'pb-1' : 'px-4 pb-4 sm:px-5 sm:pb-5'}>{children}</div>
      </Card>
    </section>
  )
}

/** Said inside a panel that holds nothing. */
export function Nothing({ children }: { children: ReactNode }) {
  return <p className="text-soft px-4 py-6 text-center text-base sm:px-5">{children}</p>
}
