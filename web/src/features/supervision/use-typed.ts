import { useEffect, useState } from 'react'

/** A text box that tells the address bar only once typing pauses. */
export function useTyped(value: string | undefined, commit: (value: string | undefined) => void) {
  const [typed, setTyped] = useState(value ?? '')
  const [known, setKnown] = useState(value)
  if (known !== value) {
    setKnown(value)
    setTyped(value ?? '')
  }
  useEffect(() => {
    if (typed === (value ?? '')) return
    const timer = setTimeout(() => {
      commit(typed.trim() || undefined)
    }, 350)
    return () => {
      clearTimeout(timer)
    }
  })
  return [typed, setTyped] as const
}
