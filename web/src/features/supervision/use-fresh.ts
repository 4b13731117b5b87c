// Which items of a list came in since it was opened: marked for a moment, the last ones only.
import { useState } from 'react'

interface Known {
  scope: string
  keys: ReadonlySet<string>
  fresh: ReadonlySet<string>
}

const none: ReadonlySet<string> = new Set()

/** `scope` names what the list is of: another range or filter brings nothing new, only other items. */
export function useFresh(keys: string[], scope: string): ReadonlySet<string> {
  const [known, setKnown] = useState<Known>(() => ({ scope, keys: new Set(keys), fresh: none }))
  if (known.scope !== scope) {
    setKnown({ scope, keys: new Set(keys), fresh: none })
    return none
  }
  const unseen = keys.filter((key) => !known.keys.has(key))
  if (unseen.length === 0) return known.fresh
  const fresh = new Set(unseen)
  // What left the list is forgotten: it grows no further than the list.
  setKnown({ scope, keys: new Set(keys), fresh })
  return fresh
}

export const freshClass = (isFresh: boolean) =>
  isFresh ? 'animate-fresh motion-reduce:bg-accent-soft' : undefined
