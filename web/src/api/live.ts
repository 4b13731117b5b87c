// Brings the SAFEGUARD feed into the query caches; the screens only read the caches.
import type { QueryClient } from '@tanstack/react-query'
import { create } from 'zustand'
import { followFeed } from './follow'
import type { FeedState, LiveFrame } from './live-feed'
import { applyToPending, isApproval, upsert, type PendingList } from './pending-list'
import { notePosition } from './positions'
import { noteReaders, startPresence } from './presence'
import { feedPage, pendingQuery, recentFrames, safeguardKeys } from './safeguard'
import type { Approval } from './types'

export interface ApprovalNews {
  type: string
  position: number
  before: Approval | undefined
  approval: Approval
}

export const useFeedState = create<FeedState & { retry: () => void }>(() => ({
  status: 'idle',
  retryAt: null,
  retry: () => undefined,
}))

type NewsListener = (news: ApprovalNews) => void
const newsListeners = new Set<NewsListener>()

export function onApprovalNews(listener: NewsListener) {
  newsListeners.add(listener)
  return () => {
    newsListeners.delete(listener)
  }
}

let seen = 0

/** Everything up to here has come in through the feed. */
export function seenPosition() {
  return seen
}

/** One approval learnt outside the feed (an answer, a refetch); the list's position stays. */
export function mergeApproval(client: QueryClient, approval: Approval) {
  client.setQueryData<PendingList>(safeguardKeys.pending, (list) => list && upsert(list, approval))
  client.setQueryData<Approval>(
    safeguardKeys.approval(approval.id),
    (shown) => shown && { ...shown, ...approval },
  )
}

/** Bursts of frames refresh the lists behind them at most this often (rate limit: 100/min). */
const REFRESH_EVERY_MS = 5_000

export function applyFrame(client: QueryClient, frame: LiveFrame) {
  notePosition(frame.position)
  seen = Math.max(seen, frame.position)
  recentFrames.add(frame)
  const list = client.getQueryData<PendingList>(safeguardKeys.pending)
  const fresh = !list || frame.position > list.position
  if (list) client.setQueryData(safeguardKeys.pending, applyToPending(list, frame))
  if (!isApproval(frame.data)) return
  const approval = frame.data
  const before = list?.items.find((each) => each.id === approval.id)
  const key = safeguardKeys.approval(approval.id)
  const shown = client.getQueryData<Approval>(key)
  if (shown && approval.version >= shown.version) {
    client.setQueryData<Approval>(key, { ...shown, ...approval })
    // The timeline is only in the detail.
    void client.invalidateQueries({ queryKey: key })
  }
  if (!fresh) return
  for (const listener of newsListeners) {
    listener({ type: frame.type, position: frame.position, before, approval })
  }
}

/** Starts following; answers the function that stops. */
export function followSafeguard(client: QueryClient, onSignedOut: () => void) {
  let refreshTimer: ReturnType<typeof setTimeout> | undefined

  const refreshSoon = () => {
    refreshTimer ??= setTimeout(() => {
      refreshTimer = undefined
      void client.invalidateQueries({ queryKey: safeguardKeys.history })
      void client.invalidateQueries({ queryKey: safeguardKeys.stats })
    }, REFRESH_EVERY_MS)
  }

  const feed = followFeed(client, {
    context: 'safeguard',
    poll: feedPage,
    onFrame: (frame) => {
      applyFrame(client, frame)
      refreshSoon()
    },
    onSignal: noteReaders,
    onReset: () => {
      recentFrames.clear()
      void client.invalidateQueries({ queryKey: safeguardKeys.all })
    },
    onReady: () => {
      presence.connected()
    },
    onSignedOut,
    onState: (state) => {
      if (state.status !== 'live') presence.lost()
      useFeedState.setState(state)
    },
  })
  const presence = startPresence((message) => {
    feed.say(message)
  })
  useFeedState.setState({ retry: feed.wake })

  // From the list's own position on: nothing between the fetch and the socket is missed.
  void client
    .ensureQueryData(pendingQuery)
    .then((list) => list.position)
    .catch(() => undefined)
    .then((position) => {
      feed.start(position)
    })

  return () => {
    clearTimeout(refreshTimer)
    presence.stop()
    feed.stop()
  }
}
