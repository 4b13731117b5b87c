// The server's clock as seen from here. Countdowns must not trust the device's own clock.

type Source = 'header' | 'feed'

export class ServerClock {
  private offset = 0
  private source: Source | null = null

  constructor(private readonly localNow: () => number = () => Date.now()) {}

  /** `serverMs`: the server's time when it answered. A feed sample (ms) beats a Date header (s). */
  sample(serverMs: number, source: Source) {
    if (Number.isNaN(serverMs)) return
    if (source === 'header' && this.source === 'feed') return
    // A Date header is truncated to the second: its middle is the best guess.
    const offset = serverMs + (source === 'header' ? 500 : 0) - this.localNow()
    const settled = source === 'header' && this.source === 'header'
    if (settled && Math.abs(offset - this.offset) < 1000) return
    this.offset = offset
    this.source = source
  }

  now() {
    return this.localNow() + this.offset
  }
}

export const serverClock = new ServerClock()

const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined

/** One shared tick per second for every countdown of the page. */
export function onTick(listener: () => void) {
  listeners.add(listener)
  timer ??= setInterval(() => {
    for (const each of listeners) each()
  }, 1000)
  return () => {
    listeners.delete(listener)
    if (listeners.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }
}
