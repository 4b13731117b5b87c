// A read that the server put off (429) is sent again by itself when the server says so: whoever
// asked sees only a slow answer, and what is on the screen stays. Commands are never sent again here.
import { create } from 'zustand'

/** Without a `Retry-After`. */
const OTHERWISE_MS = 5_000
/** So that all reads of a page do not come back in the same moment. */
const SPREAD_MS = 500
/** Nobody sits before a page for longer: the refusal is shown instead. */
const MOST_MS = 120_000
/** A server that puts off so often is not waited for any longer: the refusal is shown. */
const MOST_TRIES = 10

type Send = (request: Request) => Promise<Response>

/** Until when reads wait, in milliseconds of the browser's clock; null while nobody waits. */
export const usePatience = create<{ until: number | null }>(() => ({ until: null }))

function waitUntil(at: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      clearTimeout(timer)
      reject(signal.reason as Error)
    }
    const timer = setTimeout(
      () => {
        signal.removeEventListener('abort', giveUp)
        resolve()
      },
      Math.max(0, at - Date.now()),
    )
    if (signal.aborted) giveUp()
    else signal.addEventListener('abort', giveUp, { once: true })
  })
}

function pauseOf(response: Response): number {
  const seconds = Number(response.headers.get('Retry-After') ?? Number.NaN)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : OTHERWISE_MS
}

/** `send`, with that patience. All reads share one pause: asking meanwhile would only prolong it. */
export function createPatience(send: Send): Send {
  let until = 0
  let waiting = 0

  const pause = async (signal: AbortSignal) => {
    waiting += 1
    usePatience.setState({ until })
    try {
      while (Date.now() < until) {
        await waitUntil(until + Math.random() * SPREAD_MS, signal)
      }
    } finally {
      waiting -= 1
      if (waiting === 0) usePatience.setState({ until: null })
    }
  }

  return async (request) => {
    if (request.method !== 'GET') return send(request)
    for (let tries = 1; ; tries += 1) {
      if (Date.now() < until) await pause(request.signal)
      const response = await send(request.clone())
      const ms = response.status === 429 ? pauseOf(response) : MOST_MS
      if (ms >= MOST_MS || tries === MOST_TRIES) return response
      until = Math.max(until, Date.now() + ms)
    }
  }
}
