// Brings the SUPERVISION feed into the query caches: lists at once, numbers at a steady pace.
import type { QueryClient } from '@tanstack/react-query'
import { create } from 'zustand'
import { createPace } from '@/lib/pace'
import { isOpenEnded, type PeriodQuery } from '@/lib/period'
import { serverClock } from '@/lib/server-clock'
import { followFeed } from './follow'
import { onApprovalNews } from './live'
import type { FeedState, LiveFrame } from './live-feed'
import { notePosition } from './positions'
import { supervisionFeedPage, supervisionKeys } from './supervision'
import {
  applyToEnrichisseur,
  applyToOverview,
  applyToSentinel,
  applyToSupport,
  type Dashboards,
} from './supervision-frames'

export const useSupervisionFeed = create<FeedState & { retry: () => void }>(() => ({
  status: 'idle',
  retryAt: null,
  retry: () => undefined,
}))

type FrameListener = (frames: LiveFrame[]) => void
const listeners = new Set<FrameListener>()

/** Told of what came, in order; in a storm only of the last of it. */
export function onSupervisionFrames(listener: FrameListener) {
  listeners.add(listener)
  return () => {
    listeners.delete(listener)
  }
}

/** Frames are gathered for this long: a screen is not painted four thousand times a second. */
const GATHER_MS = 120
/** More than any list shows: what is older is fetched with the numbers. */
const MOST_GATHERED = 200

const appliers: {
  [K in keyof Dashboards]: (shown: Dashboards[K], frame: LiveFrame) => Dashboards[K]
} = {
  overview: applyToOverview,
  support: applyToSupport,
  sentinel: applyToSentinel,
  enrichisseur: applyToEnrichisseur,
}

function applyTo<K extends keyof Dashboards>(client: QueryClient, name: K, frames: LiveFrame[]) {
  const found = client.getQueriesData<Dashboards[K]>({ queryKey: supervisionKeys.dashboard(name) })
  for (const [key, shown] of found) {
    if (!shown || !isOpenEnded(key.at(-1) as PeriodQuery, serverClock.now())) continue
    client.setQueryData(key, frames.reduce(appliers[name], shown))
  }
}

export function applyFrames(client: QueryClient, frames: LiveFrame[]) {
  for (const name of Object.keys(appliers) as (keyof Dashboards)[]) applyTo(client, name, frames)
  for (const listener of listeners) listener(frames)
}

/** Asks anew for what is on the screen, but for long lists: those offer it (see `useListNews`). */
export function refetchShown(client: QueryClient) {
  void client.invalidateQueries({
    queryKey: supervisionKeys.all,
    predicate: ({ queryKey, state }) =>
      queryKey[1] !== 'list' ||
      ((state.data as { pages?: unknown[] } | undefined)?.pages?.length ?? 0) <= 1,
  })
}

export function followSupervision(client: QueryClient, onSignedOut: () => void) {
  let gathered: LiveFrame[] = []
  let timer: ReturnType<typeof setTimeout> | undefined
  const numbers = createPace(
    () => {
      refetchShown(client)
    },
    { everyMs: 1_000, mostMs: 3_000 },
  )

  const flush = () => {
    timer = undefined
    const frames = gathered
    gathered = []
    applyFrames(client, frames)
    numbers.ask()
  }

  const feed = followFeed(client, {
    context: 'supervision',
    poll: supervisionFeedPage,
    onFrame: (frame) => {
      notePosition(frame.position)
      gathered.push(frame)
      if (gathered.length > MOST_GATHERED) gathered = gathered.slice(-MOST_GATHERED / 2)
      timer ??= setTimeout(flush, GATHER_MS)
    },
    onReset: () => {
      gathered = []
      void client.invalidateQueries({ queryKey: supervisionKeys.all })
    },
    // What happened between the last answer and this connection is in no frame.
    onReady: () => {
      numbers.ask()
    },
    onSignedOut,
    onState: (state) => {
      useSupervisionFeed.setState(state)
    },
  })
  useSupervisionFeed.setState({ retry: feed.wake })
  // Approvals have a feed of their own; two dashboards count them.
  const forgetApprovals = onApprovalNews(() => {
    numbers.ask()
  })
  feed.start(undefined)

  return () => {
    forgetApprovals()
    clearTimeout(timer)
    numbers.stop()
    feed.stop()
  }
}
