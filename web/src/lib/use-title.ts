import { useEffect } from 'react'
import { create } from 'zustand'

interface TitleState {
  page: string
  count: number
}

const useTitleState = create<TitleState>(() => ({ page: '', count: 0 }))

useTitleState.subscribe(({ page, count }) => {
  const name = page ? `${page} — Greffe` : 'Greffe'
  document.title = count > 0 ? `(${count}) ${name}` : name
  const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]')
  const href = count > 0 ? '/favicon-dot.svg' : '/favicon.svg'
  if (icon && icon.getAttribute('href') !== href) icon.setAttribute('href', href)
})

export function useTitle(page: string) {
  useEffect(() => {
    useTitleState.setState({ page })
  }, [page])
}

/** The number before the title and the dot on the tab's icon. */
export function useTitleCount(count: number) {
  useEffect(() => {
    useTitleState.setState({ count })
    return () => {
      useTitleState.setState({ count: 0 })
    }
  }, [count])
}
