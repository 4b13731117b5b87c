import { SlidersHorizontal } from 'lucide-react'
import { useState, type ReactNode } from 'react'
import { cn } from '@/lib/cn'
import { Button } from './button'

interface FilterPanelProps {
  /** Always in sight; the rest folds away on phones. */
  search: ReactNode
  label: string
  clearLabel: string
  onClear?: () => void
  className?: string
  children: ReactNode
}

export function FilterPanel(props: FilterPanelProps) {
  const { search, label, clearLabel, onClear, className, children } = props
  const [open, setOpen] = useState(false)
  return (
    <div role="search" className="mb-4">
      <div className={cn('grid grid-cols-2 items-end gap-3', className)}>
        <div className="col-span-2 flex items-end gap-2 md:contents">
          <div className="min-w-0 flex-1 md:contents">{search}</div>
          <Button
            size="icon"
            aria-label={label}
            aria-expanded={open}
            className="relative size-11 md:hidden"
            onClick={() => {
              setOpen(!open)
            }}
          >
            <SlidersHorizontal className="size-4" aria-hidden="true" />
            {onClear ? (
              <span
                aria-hidden="true"
                className="bg-accent absolute top-2 right-2 size-2 rounded-full"
              />
            ) : null}
          </Button>
        </div>
        <div
          className={cn(
            'col-span-2 grid grid-cols-2 gap-3 md:contents',
            open ? '' : 'max-md:hidden',
          )}
        >
          {children}
        </div>
      </div>
      {onClear ? (
        <Button variant="ghost" className="mt-2" onClick={onClear}>
          {clearLabel}
        </Button>
      ) : null}
    </div>
  )
}
