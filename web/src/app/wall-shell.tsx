import { Outlet } from '@tanstack/react-router'
import { useSessionRefresh } from './session-refresh'
import { useLive } from './use-live'

/** Nothing but the page: a screen on the wall has no menus, stays signed in and follows. */
export function WallShell() {
  useLive()
  useSessionRefresh()
  return <Outlet />
}
