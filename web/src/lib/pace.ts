// Turns a storm of calls into a steady step: at once, then no more often than every `everyMs`,
// and slower still while the storm goes on, so that a rate limit is never met.

export interface PaceOptions {
  everyMs: number
  /** The gap doubles up to this while calls keep coming. */
  mostMs: number
}

export function createPace(run: () => void, { everyMs, mostMs }: PaceOptions) {
  let timer: ReturnType<typeof setTimeout> | undefined
  let gap = everyMs
  let wanted = false

  const turn = () => {
    timer = undefined
    if (!wanted) {
      gap = everyMs
      return
    }
    wanted = false
    gap = Math.min(mostMs, gap * 2)
    timer = setTimeout(turn, gap)
    run()
  }

  return {
    ask: () => {
      wanted = true
      if (timer !== undefined) return
      wanted = false
      timer = setTimeout(turn, gap)
      run()
    },
    stop: () => {
      clearTimeout(timer)
      timer = undefined
      wanted = false
      gap = everyMs
    },
  }
}
