// Shares of a whole as bars with their words: nothing depends on a colour.
import { Link } from '@tanstack/react-router'
import { formatPercent } from '@/lib/format'
import { useT } from '@/lib/i18n'
import type { Destination } from './figure'

export interface Share {
  key: string
  name: string
  count: number
  to?: Destination
}

interface BreakdownProps {
  label: string
  shares: Share[]
  total: number
}

export function Breakdown({ label, shares, total }: BreakdownProps) {
  const { language } = useT()
  const most = Math.max(1, ...shares.map((each) => each.count))
  return (
    <ul aria-label={label} className="flex flex-col gap-1">
      {shares.map(({ key, name, count, to }) => (
        <li key={key} className="hover:bg-sunken/60 relative -mx-2 rounded-lg px-2 py-1.5">
          <p className="flex items-baseline gap-3 text-base">
            <span className="min-w-0 flex-1 break-words">
              {to ? (
                <Link
                  {...to}
                  className="underline-offset-4 after:absolute after:inset-0 after:rounded-lg hover:underline"
                >
                  {name}
                </Link>
              ) : (
                name
              )}
            </span>
            <span className="font-medium tabular-nums">{count.toLocaleString(language)}</span>
            <span className="text-soft w-12 text-right text-sm tabular-nums">
              {total > 0 ? formatPercent(count / total, language) : '—'}
            </span>
          </p>
          <div aria-hidden="true" className="bg-sunken mt-1.5 h-2 overflow-hidden rounded-full">
            <div
              className="bg-focus h-full rounded-full forced-colors:bg-[CanvasText]"
              style={{ width: `${(count / most) * 100}%` }}
            />
          </div>
        </li>
      ))}
    </ul>
  )
}
