import { useSyncExternalStore } from 'react'
import { onTick, serverClock } from './server-clock'

/** Re-renders only when what `select` makes of the server's time changes. */
export function useServerTime<T extends string | number | boolean>(
  select: (nowMs: number) => T,
): T {
  return useSyncExternalStore(onTick, () => select(serverClock.now()))
}
