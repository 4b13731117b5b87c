import { useQueryClient } from '@tanstack/react-query'
import { useRouter } from '@tanstack/react-router'
import { LogOut, Monitor, Moon, Sun } from 'lucide-react'
import { logout, sessionQuery } from '@/api/auth'
import { describeError, ApiError } from '@/api/problem'
import { useSession } from '@/api/use-session'
import { initials } from '@/lib/format'
import { useLanguage, useT } from '@/lib/i18n'
import { useTheme } from '@/lib/theme'
import { Badge } from '@/ui/badge'
import { Menu, MenuChoices, MenuItem, MenuSeparator } from '@/ui/menu'
import { toast } from '@/ui/toasts'

export function UserMenu() {
  const { t } = useT()
  const person = useSession()
  const client = useQueryClient()
  const router = useRouter()
  const { language, setLanguage } = useLanguage()
  const { theme, setTheme } = useTheme()
  const name = person.display_name ?? person.username

  const signOut = async () => {
    try {
      await logout()
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 401)) {
        toast('error', describeError(error, t).text)
        return
      }
    }
    client.setQueryData(sessionQuery.queryKey, null)
    await router.navigate({ to: '/sign-in', replace: true })
    client.clear()
  }

  return (
    <Menu
      trigger={
        <button
          type="button"
          aria-label={t('shell.user_menu', { name })}
          className="hover:bg-sunken flex h-11 items-center gap-2 rounded-lg px-1.5"
        >
          <span
            aria-hidden="true"
            className="bg-accent-soft text-accent grid size-8 place-items-center rounded-full text-sm font-semibold uppercase"
          >
            {initials(name)}
          </span>
        </button>
      }
    >
      <div className="px-2.5 pt-1.5 pb-2">
        <p className="truncate text-base font-semibold">{name}</p>
        <p className="text-faint flex items-center gap-2 text-sm">
          {person.username}
          <Badge tone="accent">
            {person.accreditation_level} · {t(`accreditation.${person.accreditation_level}`)}
          </Badge>
        </p>
      </div>
      <MenuSeparator />
      <MenuChoices
        label={t('shell.language')}
        value={language}
        onChange={setLanguage}
        choices={[
          { value: 'fr', label: 'Français' },
          { value: 'en', label: 'English' },
        ]}
      />
      <MenuSeparator />
      <MenuChoices
        label={t('shell.theme')}
        value={theme}
        onChange={setTheme}
        choices={[
          { value: 'light', label: t('shell.theme.light'), icon: <Sun aria-hidden="true" /> },
          { value: 'dark', label: t('shell.theme.dark'), icon: <Moon aria-hidden="true" /> },
          { value: 'system', label: t('shell.theme.system'), icon: <Monitor aria-hidden="true" /> },
        ]}
      />
      <MenuSeparator />
      <MenuItem onSelect={() => void signOut()}>
        <LogOut aria-hidden="true" />
        {t('shell.sign_out')}
      </MenuItem>
    </Menu>
  )
}
