// How urgent an expiry is, and how the time left is written (PRD 3.2).

export type Tier = 'red' | 'yellow' | 'green'

const MINUTE = 60_000

export function tierOf(expiresAt: string, nowMs: number): Tier {
  const left = Date.parse(expiresAt) - nowMs
  if (left <= 15 * MINUTE) return 'red'
  return left <= 45 * MINUTE ? 'yellow' : 'green'
}

/** Time left as "1 h 05 min", "44:07" or "00:09"; never negative. */
export function countdownText(msLeft: number): string {
  const seconds = Math.max(0, Math.ceil(msLeft / 1000))
  const two = (n: number) => String(n).padStart(2, '0')
  if (seconds >= 3600)
    return `${Math.floor(seconds / 3600)} h ${two(Math.floor(seconds / 60) % 60)}`
  return `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`
}
