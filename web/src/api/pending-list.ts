// The pending list as data: pure functions that bring live frames into it, in order, once.
import type { LiveFrame } from './live-feed'
import type { Approval } from './types'

export interface PendingList {
  items: Approval[]
  /** Everything up to this position of the log is in `items`. */
  position: number
}

export function isApproval(data: unknown): data is Approval {
  return (
    typeof data === 'object' &&
    data !== null &&
    'id' in data &&
    'status' in data &&
    'version' in data &&
    'decisions' in data
  )
}

function byExpiry(a: Approval, b: Approval) {
  return a.expires_at.localeCompare(b.expires_at) || a.id.localeCompare(b.id)
}

export function applyToPending(list: PendingList, frame: LiveFrame): PendingList {
  if (frame.position <= list.position) return list
  if (!isApproval(frame.data)) return { ...list, position: frame.position }
  const incoming = frame.data
  const known = list.items.find((each) => each.id === incoming.id)
  const others = list.items.filter((each) => each.id !== incoming.id)
  if (incoming.status !== 'pending') return { items: others, position: frame.position }
  // Frames sent to everyone cannot know what I postponed for myself.
  const mine = frame.type === 'safeguard:request_postponed'
  const item = {
    ...incoming,
    postponed_until: mine
      ? incoming.postponed_until
      : (incoming.postponed_until ?? known?.postponed_until),
  }
  return { items: [...others, item].sort(byExpiry), position: frame.position }
}

/** Brings one approval in without claiming anything about the rest of the log. */
export function upsert(list: PendingList, item: Approval): PendingList {
  const others = list.items.filter((each) => each.id !== item.id)
  const items = item.status === 'pending' ? [...others, item].sort(byExpiry) : others
  return { ...list, items }
}

const RECENT = 500

/** The last frames seen, replayed over a list that was fetched while they arrived. */
export class RecentFrames {
  private frames: LiveFrame[] = []

  add(frame: LiveFrame) {
    this.frames.push(frame)
    if (this.frames.length > RECENT) this.frames = this.frames.slice(-RECENT / 2)
  }

  clear() {
    this.frames = []
  }

  replayOver(list: PendingList): PendingList {
    return this.frames.reduce(applyToPending, { ...list, items: [...list.items].sort(byExpiry) })
  }
}
