export function CountBubble({ count }: { count: number }) {
  if (count === 0) return null
  return (
    <span className="bg-accent text-on-accent inline-grid h-5 min-w-5 place-items-center rounded-full px-1.5 text-xs font-semibold tabular-nums">
      {count}
    </span>
  )
}
