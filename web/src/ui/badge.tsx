import { cva, type VariantProps } from 'class-variance-authority'
import type { ComponentProps } from 'react'
import { cn } from '@/lib/cn'

const badge = cva(
  'inline-flex items-baseline gap-1 rounded-md border px-1.5 py-0.5 text-xs leading-4 font-medium whitespace-nowrap [&_svg]:size-3.5 [&_svg]:self-center',
  {
    variants: {
      tone: {
        neutral: 'border-line bg-sunken text-soft',
        accent: 'border-transparent bg-accent-soft text-accent',
        red: 'border-red-line bg-red-soft text-red',
        yellow: 'border-yellow-line bg-yellow-soft text-yellow',
        green: 'border-green-line bg-green-soft text-green',
        violet: 'border-transparent bg-violet-soft text-violet',
      },
    },
    defaultVariants: { tone: 'neutral' },
  },
)

export type BadgeTone = NonNullable<VariantProps<typeof badge>['tone']>

export function Badge({
  tone,
  className,
  ...rest
}: ComponentProps<'span'> & VariantProps<typeof badge>) {
  return <span {...rest} className={cn(badge({ tone }), className)} />
}
