// Short notices, said aloud too. They inform; nothing depends on catching one.
import { Check, CircleAlert, X } from 'lucide-react'
import { create } from 'zustand'
import { cn } from '@/lib/cn'
import { uniqueId } from '@/lib/unique-id'

interface Toast {
  id: string
  tone: 'success' | 'error'
  text: string
  detail?: string
}

interface ToastState {
  toasts: Toast[]
  dismiss: (id: string) => void
}

export const useToasts = create<ToastState>((set) => ({
  toasts: [],
  dismiss: (id) => {
    set((s) => ({ toasts: s.toasts.filter((each) => each.id !== id) }))
  },
}))

const SHOWN_MS = { success: 5_000, error: 12_000 }

export function toast(tone: Toast['tone'], text: string, detail?: string) {
  const id = uniqueId()
  useToasts.setState((s) => ({ toasts: [...s.toasts.slice(-2), { id, tone, text, detail }] }))
  setTimeout(() => {
    useToasts.getState().dismiss(id)
  }, SHOWN_MS[tone])
}

export function Toaster({ closeLabel }: { closeLabel: string }) {
  const toasts = useToasts((s) => s.toasts)
  const dismiss = useToasts((s) => s.dismiss)
  return (
    <div
      role="status"
      aria-live="polite"
      className="pointer-events-none fixed inset-x-3 bottom-3 z-[60] flex flex-col items-center gap-2 sm:inset-x-auto sm:right-6 sm:bottom-6 sm:items-end"
    >
      {toasts.map((each) => (
        <div
          key={each.id}
          className={cn(
            'animate-arrive bg-raised shadow-pop pointer-events-auto flex w-full max-w-sm items-start gap-3 rounded-xl border p-3 pl-4',
            each.tone === 'error' ? 'border-red-line' : 'border-line',
          )}
        >
          {each.tone === 'error' ? (
            <CircleAlert className="text-red mt-0.5 size-5 shrink-0" aria-hidden="true" />
          ) : (
            <Check className="text-green mt-0.5 size-5 shrink-0" aria-hidden="true" />
          )}
          <div className="min-w-0 flex-1">
            <p className="text-base font-medium">{each.text}</p>
            {each.detail ? <p className="text-soft text-sm break-words">{each.detail}</p> : null}
          </div>
          <button
            type="button"
            aria-label={closeLabel}
            onClick={() => {
              dismiss(each.id)
            }}
            className="text-soft hover:bg-sunken -my-1 grid size-9 shrink-0 place-items-center rounded-lg"
          >
            <X className="size-4" aria-hidden="true" />
          </button>
        </div>
      ))}
    </div>
  )
}
