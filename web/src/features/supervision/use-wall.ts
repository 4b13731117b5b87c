// What a screen on the wall needs of the browser: large type, its own colours, no sleep, the keys.
import { useEffect, useReducer, useState, useSyncExternalStore } from 'react'
import { holdTheme } from '@/lib/theme'
import { turn, type Turn, type TurnAct } from './wall-turn'

/** Root size: everything is in rem, so everything grows. 29 px on a 1920 × 1080 screen. */
const TYPE = 'clamp(16px, min(1.5vw, 2.67vh), 64px)'

export function useWallLook(isDark: boolean) {
  useEffect(() => {
    const root = document.documentElement
    const size = root.style.fontSize
    root.style.fontSize = TYPE
    // Also when the system turns dark or light at nightfall.
    const release = holdTheme(isDark ? 'dark' : 'light')
    return () => {
      root.style.fontSize = size
      release()
    }
  }, [isDark])
}

/** Held while the page is seen; the browser lets go of it whenever it is not. */
export function useWakeLock() {
  useEffect(() => {
    if (!('wakeLock' in navigator)) return
    let lock: WakeLockSentinel | undefined
    let over = false
    const hold = () => {
      if (document.visibilityState !== 'visible') return
      navigator.wakeLock.request('screen').then(
        (held) => {
          if (over) void held.release()
          else lock = held
        },
        // Refused on a low battery or without HTTPS: the screen then sleeps as it is set to.
        () => undefined,
      )
    }
    hold()
    document.addEventListener('visibilitychange', hold)
    return () => {
      over = true
      document.removeEventListener('visibilitychange', hold)
      void lock?.release()
    }
  }, [])
}

function onFullscreen(listener: () => void) {
  document.addEventListener('fullscreenchange', listener)
  return () => {
    document.removeEventListener('fullscreenchange', listener)
  }
}

export function useFullscreen() {
  const isFull = useSyncExternalStore(onFullscreen, () => document.fullscreenElement != null)
  const toggle = () => {
    const done = isFull ? document.exitFullscreen() : document.documentElement.requestFullscreen()
    // Where it is forbidden (a frame, a policy) the page is as large as the window.
    done.catch(() => undefined)
  }
  return { isFull, toggle, isAllowed: document.fullscreenEnabled }
}

const TICK_MS = 250

export function useTurns(count: number, everyMs: number) {
  const [state, act] = useReducer(
    (before: Turn, next: TurnAct) => turn(before, next, count, everyMs),
    { index: 0, elapsedMs: 0, isPaused: false },
  )
  useEffect(() => {
    let before = performance.now()
    const timer = setInterval(() => {
      const now = performance.now()
      // A tab that slept has not shown anything meanwhile.
      act({ type: 'passed', ms: Math.min(now - before, TICK_MS * 4) })
      before = now
    }, TICK_MS)
    return () => {
      clearInterval(timer)
    }
  }, [])
  useEffect(() => {
    const acts: Record<string, TurnAct> = {
      ' ': { type: 'toggle' },
      ArrowRight: { type: 'next' },
      ArrowLeft: { type: 'previous' },
    }
    const onKey = (event: KeyboardEvent) => {
      const found = acts[event.key]
      const target = event.target as HTMLElement
      if (!found || event.ctrlKey || event.metaKey || event.altKey) return
      // Space presses the button that has the focus.
      if (event.key === ' ' && target.closest('button, a')) return
      event.preventDefault()
      act(found)
    }
    window.addEventListener('keydown', onKey)
    return () => {
      window.removeEventListener('keydown', onKey)
    }
  }, [])
  return [state, act] as const
}

/** Where a dashboard is longer than the screen, who scrolls is reading: it does not turn away. */
export function useReading(index: number, act: (next: TurnAct) => void) {
  useEffect(() => {
    window.scrollTo({ top: 0 })
  }, [index])
  useEffect(() => {
    const onScroll = () => {
      act({ type: 'read' })
    }
    window.addEventListener('scroll', onScroll, { passive: true })
    return () => {
      window.removeEventListener('scroll', onScroll)
    }
  }, [act])
}

const HIDE_AFTER_MS = 4_000

/** The controls are there while somebody moves the mouse or types. */
export function useStirring(): boolean {
  const [isStirring, setStirring] = useState(true)
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined
    const stir = () => {
      setStirring(true)
      clearTimeout(timer)
      timer = setTimeout(() => {
        setStirring(false)
      }, HIDE_AFTER_MS)
    }
    stir()
    const names = ['pointermove', 'pointerdown', 'keydown', 'focusin'] as const
    for (const name of names) window.addEventListener(name, stir)
    return () => {
      clearTimeout(timer)
      for (const name of names) window.removeEventListener(name, stir)
    }
  }, [])
  return isStirring
}
