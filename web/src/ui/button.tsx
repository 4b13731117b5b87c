import { cva, type VariantProps } from 'class-variance-authority'
import type { ComponentProps } from 'react'
import { cn } from '@/lib/cn'
import { Spinner } from './spinner'

const button = cva(
  'inline-flex shrink-0 items-center justify-center gap-2 rounded-lg font-medium whitespace-nowrap transition-colors select-none aria-disabled:opacity-55 disabled:opacity-55 [&_svg]:shrink-0',
  {
    variants: {
      variant: {
        primary: 'bg-accent text-on-accent enabled:hover:bg-accent-hover',
        secondary:
          'border border-line bg-raised text-ink hover:border-line-strong hover:bg-sunken/60',
        danger: 'bg-red text-white hover:brightness-110 dark:text-[#2b0a07]',
        'danger-outline': 'border border-red-line bg-raised text-red hover:bg-red-soft',
        ghost: 'text-soft hover:bg-sunken hover:text-ink',
      },
      size: {
        sm: 'h-11 px-3 text-sm sm:h-8',
        md: 'h-11 px-4 text-base sm:h-10',
        lg: 'h-12 px-5 text-md',
        icon: 'size-11 sm:size-10',
      },
    },
    defaultVariants: { variant: 'secondary', size: 'md' },
  },
)

export interface ButtonProps extends ComponentProps<'button'>, VariantProps<typeof button> {
  /** Shows a spinner and refuses presses, without losing the focus. */
  busy?: boolean
}

export function Button({
  variant,
  size,
  busy,
  className,
  children,
  onClick,
  ...rest
}: ButtonProps) {
  const inert = busy || rest['aria-disabled'] === true || rest['aria-disabled'] === 'true'
  return (
    <button
      type="button"
      {...rest}
      aria-disabled={inert || undefined}
      aria-busy={busy || undefined}
      onClick={(event) => {
        if (inert) event.preventDefault()
        else onClick?.(event)
      }}
      className={cn(button({ variant, size }), className)}
    >
      {busy ? <Spinner /> : null}
      {children}
    </button>
  )
}
