import { useId, type ComponentProps, type ReactNode } from 'react'
import { ChevronDown } from 'lucide-react'
import { cn } from '@/lib/cn'

const control =
  'w-full rounded-lg border border-line-strong/70 bg-raised px-3 text-md text-ink placeholder:text-faint transition-colors hover:border-line-strong aria-invalid:border-red sm:text-base'

export function Input({ className, ...rest }: ComponentProps<'input'>) {
  return <input {...rest} className={cn(control, 'h-11 sm:h-10', className)} />
}

export function Textarea({ className, ...rest }: ComponentProps<'textarea'>) {
  return <textarea rows={3} {...rest} className={cn(control, 'py-2 leading-6', className)} />
}

export function Select({ className, children, ...rest }: ComponentProps<'select'>) {
  return (
    <span className="relative block">
      <select {...rest} className={cn(control, 'h-11 appearance-none pr-9 sm:h-10', className)}>
        {children}
      </select>
      <ChevronDown
        className="text-soft pointer-events-none absolute top-1/2 right-3 size-4 -translate-y-1/2"
        aria-hidden="true"
      />
    </span>
  )
}

interface FieldProps {
  label: string
  hint?: ReactNode
  error?: string | null
  className?: string
  /** Given the ids that tie label, hint and error to the control. */
  children: (ids: {
    id: string
    'aria-describedby'?: string
    'aria-invalid'?: boolean
  }) => ReactNode
}

export function Field({ label, hint, error, className, children }: FieldProps) {
  const id = useId()
  const note = `${id}-note`
  const hasNote = Boolean(error ?? hint)
  return (
    <div className={cn('flex flex-col gap-1', className)}>
      <label htmlFor={id} className="text-soft text-sm font-medium">
        {label}
      </label>
      {children({
        id,
        'aria-describedby': hasNote ? note : undefined,
        'aria-invalid': error ? true : undefined,
      })}
      {hasNote ? (
        <p id={note} className={cn('text-sm', error ? 'text-red font-medium' : 'text-faint')}>
          {error ?? hint}
        </p>
      ) : null}
    </div>
  )
}

export function Switch({
  label,
  checked,
  onChange,
  className,
}: {
  label: string
  checked: boolean
  onChange: (checked: boolean) => void
  className?: string
}) {
  return (
    <button
      type="button"
      role="switch"
      aria-checked={checked}
      onClick={() => {
        onChange(!checked)
      }}
      className={cn(
        'text-soft hover:text-ink flex min-h-11 items-center gap-2 text-base sm:min-h-10',
        className,
      )}
    >
      <span
        aria-hidden="true"
        className={cn(
          'relative h-5 w-9 rounded-full transition-colors',
          checked ? 'bg-accent' : 'bg-line-strong',
        )}
      >
        <span
          className={cn(
            'bg-surface absolute top-0.5 left-0.5 size-4 rounded-full transition-transform',
            checked && 'translate-x-4',
          )}
        />
      </span>
      {label}
    </button>
  )
}
