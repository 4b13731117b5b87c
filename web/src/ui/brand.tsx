import { cn } from '@/lib/cn'

export function BrandMark({ className }: { className?: string }) {
  return (
    <svg viewBox="0 0 32 32" className={cn('size-8', className)} aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#0f4c5c" />
      <path d="M9 6.5h9.2L23 11.3v14.2H9z" fill="#fbf8f1" />
      <path d="M18.2 6.5v4.8H23z" fill="#b9cfd2" />
      <path d="M12 14.5h8M12 18h5" stroke="#0f4c5c" strokeWidth="1.6" strokeLinecap="round" />
      <circle cx="20.5" cy="22.5" r="4.6" fill="#b4532a" />
      <path
        d="m18.5 22.6 1.5 1.5 2.6-2.9"
        fill="none"
        stroke="#fff"
        strokeWidth="1.5"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  )
}
