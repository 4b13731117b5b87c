import type { LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'
import { cn } from '@/lib/cn'

export type TimelineTone = 'neutral' | 'accent' | 'green' | 'red'

export interface TimelineStep {
  key: string
  icon: LucideIcon
  tone: TimelineTone
  title: ReactNode
  meta: ReactNode
  body?: ReactNode
}

const dots: Record<TimelineTone, string> = {
  neutral: 'bg-sunken text-soft',
  accent: 'bg-accent-soft text-accent',
  green: 'bg-green-soft text-green',
  red: 'bg-red-soft text-red',
}

export function Timeline({ steps, label }: { steps: TimelineStep[]; label: string }) {
  return (
    <ol aria-label={label}>
      {steps.map(({ key, icon: Icon, tone, title, meta, body }) => (
        <li key={key} className="group relative flex gap-4 pb-6 last:pb-0">
          <span
            aria-hidden="true"
            className="bg-line-strong/40 absolute top-9 bottom-0 left-4 w-px -translate-x-1/2 group-last:hidden"
          />
          <span
            className={cn(
              'relative grid size-8 shrink-0 place-items-center rounded-full',
              dots[tone],
            )}
          >
            <Icon className="size-4" aria-hidden="true" />
          </span>
          <div className="min-w-0 flex-1 pt-1">
            <p className="text-base font-medium">{title}</p>
            <p className="text-soft text-sm">{meta}</p>
            {body ? <div className="mt-1 text-base">{body}</div> : null}
          </div>
        </li>
      ))}
    </ol>
  )
}
