import { create } from 'zustand'

export type Theme = 'light' | 'dark' | 'system'

const dark = window.matchMedia('(prefers-color-scheme: dark)')

function readTheme(): Theme {
  try {
    const kept = localStorage.getItem('greffe.theme')
    return kept === 'light' || kept === 'dark' ? kept : 'system'
  } catch {
    return 'system'
  }
}

/** What a page asks for whatever the person chose, while it is shown. */
let held: 'light' | 'dark' | undefined

function paint(chosen: Theme) {
  const theme = held ?? chosen
  const isDark = theme === 'dark' || (theme === 'system' && dark.matches)
  document.documentElement.dataset.theme = isDark ? 'dark' : 'light'
  document
    .querySelector('meta[name="theme-color"]')
    ?.setAttribute('content', isDark ? '#0d1518' : '#f6f3ec')
}

interface ThemeState {
  theme: Theme
  setTheme: (theme: Theme) => void
}

export const useTheme = create<ThemeState>((set) => ({
  theme: readTheme(),
  setTheme: (theme) => {
    try {
      localStorage.setItem('greffe.theme', theme)
    } catch {
      // Private mode: the choice lasts for this page.
    }
    paint(theme)
    set({ theme })
  },
}))

/** Until what it returns is called, the page looks like this and no other way. */
export function holdTheme(theme: 'light' | 'dark') {
  held = theme
  paint(theme)
  return () => {
    held = undefined
    paint(useTheme.getState().theme)
  }
}

dark.addEventListener('change', () => {
  paint(useTheme.getState().theme)
})
