// Browser notifications: only when asked for, only while the page is not being looked at.
import { create } from 'zustand'

export type NotificationChoice = 'unsupported' | 'undecided' | 'later' | 'granted' | 'denied'

function current(): NotificationChoice {
  if (!('Notification' in window) || !window.isSecureContext) return 'unsupported'
  if (Notification.permission === 'granted') return 'granted'
  if (Notification.permission === 'denied') return 'denied'
  try {
    return localStorage.getItem('greffe.notify') === 'later' ? 'later' : 'undecided'
  } catch {
    return 'undecided'
  }
}

interface NotificationState {
  choice: NotificationChoice
  ask: () => Promise<void>
  later: () => void
}

export const useNotifications = create<NotificationState>((set) => ({
  choice: current(),
  ask: async () => {
    await Notification.requestPermission()
    set({ choice: current() })
  },
  later: () => {
    try {
      localStorage.setItem('greffe.notify', 'later')
    } catch {
      // Private mode: asked again next time.
    }
    set({ choice: 'later' })
  },
}))

interface Notice {
  tag: string
  title: string
  body: string
  onClick: () => void
}

export function showNotification({ tag, title, body, onClick }: Notice) {
  if (useNotifications.getState().choice !== 'granted' || document.visibilityState === 'visible') {
    return
  }
  try {
    const notification = new Notification(title, { body, tag, icon: '/favicon.svg' })
    notification.onclick = () => {
      window.focus()
      notification.close()
      onClick()
    }
  } catch {
    // Some phones only allow notifications from a service worker.
  }
}
