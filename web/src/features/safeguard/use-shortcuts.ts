// J/K move between cards; A, R, P act on the focused card only, so a stray key decides nothing.
import { useEffect } from 'react'
import { create } from 'zustand'

function readEnabled() {
  try {
    return localStorage.getItem('greffe.shortcuts') !== 'off'
  } catch {
    return true
  }
}

export const useShortcutSetting = create<{ enabled: boolean; setEnabled: (on: boolean) => void }>(
  (set) => ({
    enabled: readEnabled(),
    setEnabled: (enabled) => {
      try {
        localStorage.setItem('greffe.shortcuts', enabled ? 'on' : 'off')
      } catch {
        // Private mode: the choice lasts for this page.
      }
      set({ enabled })
    },
  }),
)

interface ShortcutHandlers {
  approve: (id: string) => void
  reject: (id: string) => void
  postpone: (id: string) => void
  search: () => void
  help: () => void
}

function cards() {
  return Array.from(document.querySelectorAll<HTMLElement>('article[data-approval]'))
}

function focusedCard() {
  return document.activeElement?.closest<HTMLElement>('article[data-approval]') ?? null
}

function move(step: 1 | -1) {
  const all = cards()
  const at = all.indexOf(focusedCard() ?? document.body)
  const next = at === -1 ? (step === 1 ? 0 : all.length - 1) : at + step
  const target = all[Math.min(all.length - 1, Math.max(0, next))]
  target?.focus({ preventScroll: true })
  target?.scrollIntoView({ block: 'nearest' })
}

export function useShortcuts(handlers: ShortcutHandlers) {
  const enabled = useShortcutSetting((s) => s.enabled)
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement
      if (event.defaultPrevented || document.querySelector('[role="dialog"],[role="menu"]')) return
      const typing = target.closest('input, textarea, select, [contenteditable]') !== null
      if (event.key === 'Escape') {
        if (document.activeElement instanceof HTMLElement) document.activeElement.blur()
        return
      }
      if (!enabled || typing || event.ctrlKey || event.metaKey || event.altKey || event.repeat)
        return
      const id = focusedCard()?.dataset.approval
      const actions: Record<string, (() => void) | undefined> = {
        j: () => {
          move(1)
        },
        k: () => {
          move(-1)
        },
        a: id
          ? () => {
              handlers.approve(id)
            }
          : undefined,
        r: id
          ? () => {
              handlers.reject(id)
            }
          : undefined,
        p: id
          ? () => {
              handlers.postpone(id)
            }
          : undefined,
        '/': handlers.search,
        '?': handlers.help,
      }
      const action = actions[event.key.toLowerCase()]
      if (!action) return
      event.preventDefault()
      action()
    }
    window.addEventListener('keydown', onKey)
    return () => {
      window.removeEventListener('keydown', onKey)
    }
  })
}
