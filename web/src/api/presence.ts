// Who else has an approval open now. Not an event: told by the feed, forgotten with the connection.
import { useEffect } from 'react'
import { create } from 'zustand'

export interface Reader {
  id: string
  username: string
  display_name: string
}

interface PresenceState {
  readers: Record<string, Reader[] | undefined>
  /** What is open on this screen. */
  viewing: string | null
}

export const usePresence = create<PresenceState>(() => ({ readers: {}, viewing: null }))

function isReader(value: unknown): value is Reader {
  return (
    typeof value === 'object' &&
    value !== null &&
    ['id', 'username', 'display_name'].every(
      (name) => typeof (value as Record<string, unknown>)[name] === 'string',
    )
  )
}

export function noteReaders(frame: { type: string; id?: unknown; people?: unknown }) {
  const { type, id, people } = frame
  if (type !== 'safeguard:presence' || typeof id !== 'string' || !Array.isArray(people)) return
  const known = people.filter(isReader)
  usePresence.setState(({ readers }) => {
    const next = { ...readers }
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete
    if (known.length === 0) delete next[id]
    else next[id] = known
    return { readers: next }
  })
}

/** Says what this screen shows while `id` is given and somebody looks at it. */
export function useViewing(id: string | null) {
  useEffect(() => {
    usePresence.setState({ viewing: id })
    return () => {
      usePresence.setState({ viewing: null })
    }
  }, [id])
}

/** A look is told once it lasts: who scrolls past reads nothing, and the server is not flooded. */
const LASTS_MS = 400
/** What a lost message left wrong is right again after this. */
const REPEAT_MS = 30_000

export function startPresence(say: (message: unknown) => void) {
  let timer: ReturnType<typeof setTimeout> | undefined
  let said: string | null = null

  const now = () => (document.visibilityState === 'visible' ? usePresence.getState().viewing : null)
  const tell = () => {
    said = now()
    say({ type: 'viewing', id: said })
  }
  const soon = () => {
    clearTimeout(timer)
    if (now() !== said) timer = setTimeout(tell, LASTS_MS)
  }
  const unsubscribe = usePresence.subscribe(soon)
  document.addEventListener('visibilitychange', soon)
  const repeat = setInterval(() => {
    if (said !== null) tell()
  }, REPEAT_MS)

  const forget = () => {
    if (Object.keys(usePresence.getState().readers).length > 0) {
      usePresence.setState({ readers: {} })
    }
  }

  return {
    /** A new connection knows nothing of us, and tells everything it knows. */
    connected: () => {
      forget()
      said = null
      soon()
    },
    lost: forget,
    stop: () => {
      clearTimeout(timer)
      clearInterval(repeat)
      unsubscribe()
      document.removeEventListener('visibilitychange', soon)
      forget()
    },
  }
}
