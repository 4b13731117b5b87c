import type { ReactNode } from 'react'
import { cn } from '@/lib/cn'

export function Page({ children, className }: { children: ReactNode; className?: string }) {
  return (
    <div className={cn('mx-auto w-full max-w-6xl px-4 py-5 sm:px-6 sm:py-8', className)}>
      {children}
    </div>
  )
}

export function PageHeader({
  title,
  intro,
  aside,
}: {
  title: ReactNode
  intro?: string
  aside?: ReactNode
}) {
  return (
    <div className="mb-5 flex flex-wrap items-end gap-x-6 gap-y-3 sm:mb-6">
      <div className="min-w-0 flex-1 basis-64">
        <h1 className="font-serif text-2xl leading-9 font-semibold tracking-tight">{title}</h1>
        {intro ? <p className="text-soft mt-1 max-w-2xl text-base">{intro}</p> : null}
      </div>
      {aside}
    </div>
  )
}

export function Card({ children, className }: { children: ReactNode; className?: string }) {
  return (
    <div className={cn('border-line bg-surface shadow-card rounded-xl border', className)}>
      {children}
    </div>
  )
}
