import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi, useRouter } from '@tanstack/react-router'
import { CircleAlert, Eye, EyeOff, Info } from 'lucide-react'
import { useEffect, useRef, useState, type FormEvent } from 'react'
import { login, sessionQuery } from '@/api/auth'
import { ApiError } from '@/api/problem'
import type { CurrentUser } from '@/api/types'
import { useLanguage, useT } from '@/lib/i18n'
import { useTitle } from '@/lib/use-title'
import { BrandMark } from '@/ui/brand'
import { Button } from '@/ui/button'
import { Field, Input } from '@/ui/field'
import { safeNext } from './safe-next'
import { SignInArt } from './sign-in-art'

const route = getRouteApi('/sign-in')

function useCountdown() {
  const [seconds, setSeconds] = useState(0)
  useEffect(() => {
    if (seconds <= 0) return
    const timer = setTimeout(() => {
      setSeconds(seconds - 1)
    }, 1000)
    return () => {
      clearTimeout(timer)
    }
  }, [seconds])
  return [seconds, setSeconds] as const
}

export function SignInPage() {
  const { t } = useT()
  const { next, ended } = route.useSearch()
  const router = useRouter()
  const client = useQueryClient()
  const [username, setUsername] = useState('')
  const [password, setPassword] = useState('')
  const [shown, setShown] = useState(false)
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState<unknown>(null)
  const [wait, setWait] = useCountdown()
  const passwordRef = useRef<HTMLInputElement>(null)
  useTitle(t('signin.title'))

  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (busy || wait > 0) return
    if (!username.trim() || !password) {
      setProblem('missing')
      return
    }
    setBusy(true)
    setProblem(null)
    try {
      const answer = await login(username.trim(), password)
      client.clear()
      const { user, expires_at } = answer
      const person: CurrentUser = { ...user, expires_at }
      client.setQueryData(sessionQuery.queryKey, person)
      // The session itself may say more than the sign-in did.
      void client.invalidateQueries({ queryKey: sessionQuery.queryKey })
      await router.navigate({ href: safeNext(next), replace: true })
    } catch (error) {
      setProblem(error)
      if (error instanceof ApiError && error.code === 'rate_limited') {
        setWait(error.retryAfterSeconds ?? 60)
      }
      passwordRef.current?.select()
    } finally {
      setBusy(false)
    }
  }

  const message = sentence()
  function sentence(): string | null {
    if (problem === null) return null
    if (problem === 'missing') return t('signin.missing')
    if (!(problem instanceof ApiError)) return t('error.title')
    if (problem.code === 'rate_limited') {
      return wait > 0 ? t('error.login_rate_limited', { seconds: wait }) : null
    }
    if (problem.status === 401) return t('error.invalid_credentials')
    if (problem.status === 0) return t('error.network')
    if (problem.status >= 500) {
      const trace = problem.traceId ? ` ${t('error.trace', { id: problem.traceId })}` : ''
      return `${t('error.unavailable')}${trace}`
    }
    return problem.detail ?? t('error.title')
  }

  return (
    <div className="grid min-h-dvh lg:grid-cols-[minmax(0,5fr)_minmax(0,6fr)]">
      <SignInArt />
      <main className="flex flex-col px-5 py-6 sm:px-10">
        <LanguageSwitch />
        <div className="m-auto w-full max-w-sm py-10">
          <div className="mb-8 flex items-center gap-3 lg:hidden">
            <BrandMark className="size-10" />
            <span className="font-serif text-2xl font-semibold tracking-tight">Greffe</span>
          </div>
          <h1 className="font-serif text-2xl font-semibold tracking-tight">{t('signin.title')}</h1>
          <p className="text-soft mt-1 text-base">{t('app.tagline')}</p>
          {ended && !message ? (
            <p
              className="bg-accent-soft text-ink mt-6 flex gap-3 rounded-xl p-4 text-base"
              role="status"
            >
              <Info className="text-accent mt-0.5 size-5 shrink-0" aria-hidden="true" />
              {t('signin.ended')}
            </p>
          ) : null}
          <form
            className="mt-6 flex flex-col gap-4"
            onSubmit={(event) => void submit(event)}
            noValidate
          >
            <div role="alert">
              {message ? (
                <p className="border-red-line bg-red-soft flex gap-3 rounded-xl border p-4 text-base">
                  <CircleAlert className="text-red mt-0.5 size-5 shrink-0" aria-hidden="true" />
                  <span className="tabular-nums">{message}</span>
                </p>
              ) : null}
            </div>
            <Field label={t('signin.username')}>
              {(ids) => (
                <Input
                  {...ids}
                  name="username"
                  autoComplete="username"
                  autoCapitalize="none"
                  spellCheck={false}
                  value={username}
                  onChange={(event) => {
                    setUsername(event.target.value)
                  }}
                  className="h-12 sm:h-12"
                />
              )}
            </Field>
            <Field label={t('signin.password')}>
              {(ids) => (
                <span className="relative block">
                  <Input
                    {...ids}
                    ref={passwordRef}
                    name="password"
                    type={shown ? 'text' : 'password'}
                    autoComplete="current-password"
                    value={password}
                    onChange={(event) => {
                      setPassword(event.target.value)
                    }}
                    className="h-12 pr-12 sm:h-12"
                  />
                  <button
                    type="button"
                    aria-label={shown ? t('signin.hide_password') : t('signin.show_password')}
                    onClick={() => {
                      setShown(!shown)
                    }}
                    className="text-soft hover:text-ink absolute inset-y-0 right-0 grid w-12 place-items-center rounded-lg"
                  >
                    {shown ? (
                      <EyeOff className="size-5" aria-hidden="true" />
                    ) : (
                      <Eye className="size-5" aria-hidden="true" />
                    )}
                  </button>
                </span>
              )}
            </Field>
            <Button
              type="submit"
              variant="primary"
              size="lg"
              busy={busy}
              aria-disabled={wait > 0}
              className="mt-2"
            >
              {busy ? t('signin.submitting') : t('signin.submit')}
            </Button>
          </form>
        </div>
      </main>
    </div>
  )
}

function LanguageSwitch() {
  const { t } = useT()
  const { language, setLanguage } = useLanguage()
  return (
    <div role="group" aria-label={t('shell.language')} className="ml-auto flex gap-1">
      {(['fr', 'en'] as const).map((each) => (
        <button
          key={each}
          type="button"
          lang={each}
          aria-pressed={language === each}
          onClick={() => {
            setLanguage(each)
          }}
          className="text-soft aria-pressed:bg-sunken aria-pressed:text-ink h-11 rounded-lg sm:h-10 px-3 text-sm font-medium"
        >
          {each === 'fr' ? 'Français' : 'English'}
        </button>
      ))}
    </div>
  )
}
