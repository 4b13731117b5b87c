// A dialog on large screens, a bottom sheet within the thumb's reach on phones.
import { X } from 'lucide-react'
import { Dialog as Radix } from 'radix-ui'
import type { ReactNode } from 'react'
import { cn } from '@/lib/cn'

interface DialogProps {
  open: boolean
  onOpenChange: (open: boolean) => void
  title: string
  description?: ReactNode
  tone?: 'neutral' | 'danger'
  wide?: boolean
  closeLabel: string
  children: ReactNode
}

export function Dialog(props: DialogProps) {
  const { open, onOpenChange, title, description, tone = 'neutral', wide, closeLabel } = props
  return (
    <Radix.Root open={open} onOpenChange={onOpenChange}>
      <Radix.Portal>
        <Radix.Overlay className="animate-fade fixed inset-0 z-40 bg-[#0a1518]/55" />
        <Radix.Content
          {...(description ? {} : { 'aria-describedby': undefined })}
          className={cn(
            'animate-sheet bg-surface shadow-pop fixed inset-x-0 bottom-0 z-50 max-h-[92dvh] overflow-y-auto rounded-t-2xl p-5 pb-[max(1.25rem,env(safe-area-inset-bottom))] outline-none',
            'sm:animate-pop sm:inset-auto sm:top-1/2 sm:left-1/2 sm:w-[calc(100%-2rem)] sm:-translate-x-1/2 sm:-translate-y-1/2 sm:rounded-2xl sm:p-6',
            wide ? 'sm:max-w-2xl' : 'sm:max-w-lg',
            tone === 'danger' && 'border-red-bar border-t-4',
          )}
        >
          <div className="mb-4 flex items-start gap-4">
            <div className="min-w-0 flex-1">
              <Radix.Title
                className={cn(
                  'font-serif text-xl leading-7 font-semibold',
                  tone === 'danger' && 'text-red',
                )}
              >
                {title}
              </Radix.Title>
              {description ? (
                <Radix.Description className="text-soft mt-1 text-base">
                  {description}
                </Radix.Description>
              ) : null}
            </div>
            <Radix.Close
              aria-label={closeLabel}
              className="text-soft hover:bg-sunken hover:text-ink -mt-1 -mr-1 grid size-11 place-items-center rounded-lg sm:size-9"
            >
              <X className="size-5" aria-hidden="true" />
            </Radix.Close>
          </div>
          {props.children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}

export function DialogActions({ children }: { children: ReactNode }) {
  return (
    <div className="mt-6 flex flex-col-reverse gap-2 sm:flex-row sm:justify-end [&>*]:h-12 sm:[&>*]:h-10">
      {children}
    </div>
  )
}
