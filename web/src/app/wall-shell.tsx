import { Outlet } from '@tanstack/react-router'
import { useSessionRefresh } from './session-refresh'

/** Nothing but the page: a screen on the wall has no menus, and stays signed in. */
export function WallShell() {
  useSessionRefresh()
  return <Outlet />
}
