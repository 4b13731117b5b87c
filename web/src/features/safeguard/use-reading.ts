import { useEffect, useState } from 'react'
import { useViewing } from '@/api/presence'

/** The band of the window where people read. */
const READING_BAND = '-20% 0px -50% 0px'

/** Tells which card is being read: the focused one, else the first in the reading band. */
export function useReading(order: string, focused: string | null) {
  const [inBand, setInBand] = useState<string | null>(null)
  useEffect(() => {
    const cards = Array.from(document.querySelectorAll<HTMLElement>('article[data-approval]'))
    const seen = new Set<Element>()
    const observer = new IntersectionObserver(
      (entries) => {
        for (const { isIntersecting, target } of entries) {
          if (isIntersecting) seen.add(target)
          else seen.delete(target)
        }
        setInBand(cards.find((card) => seen.has(card))?.dataset.approval ?? null)
      },
      { rootMargin: READING_BAND },
    )
    for (const card of cards) observer.observe(card)
    return () => {
      observer.disconnect()
    }
  }, [order])
  useViewing(focused ?? inBand)
}
