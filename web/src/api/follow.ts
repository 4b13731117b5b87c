// One context's live feed as the browser follows it: its addresses, the server's clock, the session.
import type { QueryClient } from '@tanstack/react-query'
import { serverClock } from '@/lib/server-clock'
import { sessionQuery } from './auth'
import { LiveFeed, type FeedState, type LiveFrame, type PolledFrames } from './live-feed'
import { forgetPositions, notePosition } from './positions'

export interface FollowOptions {
  context: 'safeguard' | 'supervision'
  poll: (after: number | undefined, epoch: string | undefined) => Promise<PolledFrames>
  onFrame: (frame: LiveFrame) => void
  onSignal?: (frame: { type: string }) => void
  /** The past cannot be replayed; the positions known so far are forgotten already. */
  onReset: () => void
  onReady?: () => void
  onSignedOut: () => void
  onState: (state: FeedState) => void
}

/** Not started yet: `start` says after which position. */
export function followFeed(client: QueryClient, options: FollowOptions) {
  let stopped = false

  const signedOut = async () => {
    // A socket ends with its token; the session may have a newer one.
    const person = await client.fetchQuery({ ...sessionQuery, staleTime: 0 }).catch(() => undefined)
    if (stopped) return
    if (person === null) options.onSignedOut()
    else feed.start(feed.position)
  }

  const feed = new LiveFeed({
    url: (after, epoch) => {
      const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws'
      const query = new URLSearchParams()
      if (after !== undefined) query.set('after', String(after))
      if (epoch !== undefined) query.set('epoch', epoch)
      return `${scheme}://${window.location.host}/api/${options.context}/ws?${query.toString()}`
    },
    poll: async (after, epoch) => {
      const page = await options.poll(after, epoch)
      if (page.server_time) serverClock.sample(Date.parse(page.server_time), 'feed')
      return page
    },
    onFrame: options.onFrame,
    onSignal: options.onSignal,
    onReset: () => {
      forgetPositions()
      options.onReset()
    },
    onReady: (position, serverTime) => {
      if (serverTime) serverClock.sample(Date.parse(serverTime), 'feed')
      if (feed.position === position) notePosition(position)
      options.onReady?.()
    },
    onSignedOut: () => void signedOut(),
    onState: options.onState,
  })

  return {
    wake: feed.wake,
    say: (message: unknown) => {
      feed.say(message)
    },
    start: (after: number | undefined) => {
      if (!stopped) feed.start(after)
    },
    stop: () => {
      stopped = true
      feed.stop()
    },
  }
}
