// Which dashboard the wall shows, and for how long yet. Pure: time comes in as it passes.

export interface Turn {
  index: number
  elapsedMs: number
  isPaused: boolean
}

export type TurnAct =
  | { type: 'passed'; ms: number }
  | { type: 'next' }
  | { type: 'previous' }
  | { type: 'toggle' }
  | { type: 'go'; index: number }
  | { type: 'read' }

export const DEFAULT_EVERY_S = 20
const LEAST_EVERY_S = 5
const MOST_EVERY_S = 600

/** Seconds per dashboard, from the address bar. */
export function everyOf(value: unknown): number | undefined {
  const seconds = Number(value)
  return Number.isFinite(seconds) && seconds >= LEAST_EVERY_S && seconds <= MOST_EVERY_S
    ? seconds
    : undefined
}

export function turn(state: Turn, act: TurnAct, count: number, everyMs: number): Turn {
  const at = (index: number) => ({ ...state, index: (index + count) % count, elapsedMs: 0 })
  switch (act.type) {
    case 'next':
      return at(state.index + 1)
    case 'previous':
      return at(state.index - 1)
    case 'go':
      return at(act.index)
    case 'read':
      return { ...state, elapsedMs: 0 }
    case 'toggle':
      return { ...state, isPaused: !state.isPaused }
    case 'passed': {
      if (state.isPaused) return state
      const elapsedMs = state.elapsedMs + act.ms
      return elapsedMs >= everyMs ? at(state.index + 1) : { ...state, elapsedMs }
    }
  }
}
