import { Check } from 'lucide-react'
import { DropdownMenu as Radix } from 'radix-ui'
import type { ComponentProps, ReactNode } from 'react'
import { cn } from '@/lib/cn'

export function Menu({ trigger, children }: { trigger: ReactNode; children: ReactNode }) {
  return (
    <Radix.Root modal={false}>
      <Radix.Trigger asChild>{trigger}</Radix.Trigger>
      <Radix.Portal>
        <Radix.Content
          align="end"
          sideOffset={6}
          className="animate-pop border-line bg-raised shadow-pop z-50 min-w-52 rounded-xl border p-1.5"
        >
          {children}
        </Radix.Content>
      </Radix.Portal>
    </Radix.Root>
  )
}

const item =
  'flex min-h-11 sm:min-h-10 items-center gap-2.5 rounded-lg px-2.5 text-base text-ink outline-none select-none data-[highlighted]:bg-sunken [&_svg]:size-4 [&_svg]:shrink-0'

export function MenuItem({ className, ...rest }: ComponentProps<typeof Radix.Item>) {
  return <Radix.Item {...rest} className={cn(item, className)} />
}

export function MenuLabel({ children }: { children: ReactNode }) {
  return <Radix.Label className="text-faint px-2.5 pt-1.5 pb-1 text-xs">{children}</Radix.Label>
}

export function MenuSeparator() {
  return <Radix.Separator className="bg-line my-1.5 h-px" />
}

interface ChoicesProps<T extends string> {
  label: string
  value: T
  onChange: (value: T) => void
  choices: { value: T; label: string; icon?: ReactNode }[]
}

export function MenuChoices<T extends string>({
  label,
  value,
  onChange,
  choices,
}: ChoicesProps<T>) {
  return (
    <Radix.RadioGroup
      value={value}
      onValueChange={(next) => {
        onChange(next as T)
      }}
      aria-label={label}
    >
      <MenuLabel>{label}</MenuLabel>
      {choices.map((choice) => (
        <Radix.RadioItem key={choice.value} value={choice.value} className={item}>
          {choice.icon}
          <span className="flex-1">{choice.label}</span>
          <Radix.ItemIndicator>
            <Check className="text-accent" aria-hidden="true" />
          </Radix.ItemIndicator>
        </Radix.RadioItem>
      ))}
    </Radix.RadioGroup>
  )
}
