// What a list shows when it has nothing to show: loading, empty, or failed.
import { CircleAlert, RotateCw } from 'lucide-react'
import type { ReactNode } from 'react'
import { cn } from '@/lib/cn'
import { Button } from './button'

export function Skeleton({ className }: { className?: string }) {
  return (
    <span
      aria-hidden="true"
      className={cn('bg-line/70 block animate-pulse rounded-md', className)}
    />
  )
}

export function SkeletonRows({ rows = 6, label }: { rows?: number; label: string }) {
  return (
    <div role="status" className="flex flex-col gap-3 p-4">
      <span className="sr-only">{label}</span>
      {Array.from({ length: rows }, (_, i) => (
        <Skeleton key={i} className="h-10" />
      ))}
    </div>
  )
}

interface EmptyProps {
  title: string
  text?: string
  illustration?: ReactNode
  action?: ReactNode
}

export function EmptyState({ title, text, illustration, action }: EmptyProps) {
  return (
    <div className="mx-auto flex max-w-sm flex-col items-center px-4 py-12 text-center">
      {illustration ?? <RegistryIllustration />}
      <p className="mt-5 font-serif text-lg font-semibold">{title}</p>
      {text ? <p className="text-soft mt-1 text-base">{text}</p> : null}
      {action ? <div className="mt-5">{action}</div> : null}
    </div>
  )
}

interface ErrorProps {
  text: string
  trace?: string | null
  retryLabel?: string
  onRetry?: () => void
  className?: string
}

export function ErrorState({ text, trace, retryLabel, onRetry, className }: ErrorProps) {
  return (
    <div
      role="alert"
      className={cn(
        'border-red-line bg-red-soft flex flex-wrap items-center gap-3 rounded-xl border p-4',
        className,
      )}
    >
      <CircleAlert className="text-red size-5 shrink-0" aria-hidden="true" />
      <div className="min-w-0 flex-1 basis-52">
        <p className="text-ink text-base font-medium">{text}</p>
        {trace ? <p className="text-soft mt-0.5 font-mono text-xs break-all">{trace}</p> : null}
      </div>
      {onRetry && retryLabel ? (
        <Button size="sm" onClick={onRetry}>
          <RotateCw className="size-4" aria-hidden="true" />
          {retryLabel}
        </Button>
      ) : null}
    </div>
  )
}

/** An open register whose last act is sealed. */
export function RegistryIllustration() {
  return (
    <svg viewBox="0 0 160 112" className="h-28 w-40" fill="none" aria-hidden="true">
      <ellipse cx="80" cy="100" rx="62" ry="6" className="fill-sunken" />
      <path
        d="M80 26C66 16 44 14 26 18v70c18-4 40-2 54 8z"
        className="fill-raised stroke-line-strong"
        strokeWidth="1.5"
      />
      <path
        d="M80 26c14-10 36-12 54-8v70c-18-4-40-2-54 8z"
        className="fill-surface stroke-line-strong"
        strokeWidth="1.5"
      />
      <path
        d="M36 34c12-1 23 0 33 4M36 46c12-1 23 0 33 4M36 58c8-.7 15-.4 22 1"
        className="stroke-line"
        strokeWidth="3"
        strokeLinecap="round"
      />
      <path
        d="M91 38c10-4 21-5 33-4M91 50c10-4 21-5 33-4"
        className="stroke-line"
        strokeWidth="3"
        strokeLinecap="round"
      />
      <circle cx="112" cy="71" r="13" className="fill-accent" />
      <path
        d="m106 71 4.3 4.3 7.7-8.3"
        className="stroke-on-accent"
        strokeWidth="2.5"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  )
}

/** A lens over nothing found. */
export function NoMatchIllustration() {
  return (
    <svg viewBox="0 0 160 112" className="h-28 w-40" fill="none" aria-hidden="true">
      <ellipse cx="80" cy="100" rx="50" ry="6" className="fill-sunken" />
      <rect
        x="38"
        y="14"
        width="70"
        height="82"
        rx="6"
        className="fill-surface stroke-line-strong"
        strokeWidth="1.5"
      />
      <path
        d="M50 32h46M50 46h34M50 60h40"
        className="stroke-line"
        strokeWidth="4"
        strokeLinecap="round"
      />
      <circle cx="104" cy="62" r="20" className="fill-raised stroke-accent" strokeWidth="4" />
      <path d="m119 77 13 13" className="stroke-accent" strokeWidth="6" strokeLinecap="round" />
      <path d="M96 62h16" className="stroke-line-strong" strokeWidth="3" strokeLinecap="round" />
    </svg>
  )
}
