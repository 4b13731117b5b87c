import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from '@tanstack/react-router'
import { act, render, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { sessionQuery } from '@/api/auth'
import { applyFrame } from '@/api/live'
import { noteReaders, usePresence } from '@/api/presence'
import { safeguardKeys } from '@/api/safeguard'
import type { Approval, CurrentUser } from '@/api/types'
import { serverClock } from '@/lib/server-clock'
import { sampleApproval, samplePerson } from '@/test/samples'
import { Toaster } from '@/ui/toasts'
import { DecisionDialogs } from './decision-dialogs'
import { useDecisions } from './decision-store'
import { SafeguardNews } from './news'
import { PendingPage } from './pending-page'

const soon = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString()
const first = () => sampleApproval({ requested_at: soon(-5), expires_at: soon(12) })
const second = () =>
  sampleApproval({
    id: '0198a000-0000-7000-8000-000000000002',
    reference: 'APR-2026-0002',
    tool_name: 'glpi_close_ticket',
    arguments: { ticket_id: 5678 },
    on_behalf_of: null,
    requested_at: soon(-5),
    expires_at: soon(40),
  })

interface Sent {
  url: string
  body: unknown
  key: string | null
}

let sent: Sent[] = []
/** What a GET of the first request answers. */
let detail: Approval | undefined
let answer: (request: Sent) => Response | Promise<Response>

const ok = (position = 1_000) =>
  Response.json(
    { id: 'x', version: 2, position },
    { headers: { 'Greffe-Position': `${position}` } },
  )

const problem = (status: number, body: object) =>
  Response.json(body, { status, headers: { 'Content-Type': 'application/problem+json' } })

beforeEach(() => {
  sent = []
  detail = undefined
  answer = () => ok()
  serverClock.sample(Date.now(), 'feed')
  useDecisions.setState(useDecisions.getInitialState(), true)
  usePresence.setState(usePresence.getInitialState(), true)
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input) => {
    const request = input as Request
    if (request.method === 'GET') {
      const one = request.url.includes(first().id) ? detail : undefined
      return Response.json(one ?? { items: [], next_cursor: null })
    }
    const body = JSON.parse(await request.clone().text()) as unknown
    const url = new URL(request.url).pathname
    const one = { url, body, key: request.headers.get('Idempotency-Key') }
    sent.push(one)
    return answer(one)
  })
})

function open(items: Approval[], person: CurrentUser = samplePerson()) {
  const client = new QueryClient({
    defaultOptions: { queries: { retry: false, staleTime: Infinity } },
  })
  client.setQueryData(sessionQuery.queryKey, person)
  client.setQueryData(safeguardKeys.pending, { items, position: 10 })
  client.setQueryData(safeguardKeys.tools, [])
  const root = createRootRoute({
    component: () => (
      <>
        <PendingPage />
        <DecisionDialogs />
        <SafeguardNews />
        <Toaster closeLabel="Fermer" />
      </>
    ),
  })
  const detail = createRoute({ getParentRoute: () => root, path: '/safeguard/$id' })
  const router = createRouter({
    routeTree: root.addChildren([detail]),
    history: createMemoryHistory({ initialEntries: ['/'] }),
  })
  render(
    <QueryClientProvider client={client}>
      <RouterProvider router={router as never} />
    </QueryClientProvider>,
  )
  return { client, user: userEvent.setup() }
}

const card = (name: RegExp) => screen.findByRole('article', { name })

describe('the pending page', () => {
  it('approves in one press, with the version that was read', async () => {
    const { user } = open([first()])
    const article = await card(/mot de passe/)
    await user.click(within(article).getByRole('button', { name: 'Approuver' }))
    expect(await screen.findByText('Approuvée par Marie Leroy')).toBeVisible()
    expect(sent).toHaveLength(1)
    expect(sent[0]).toMatchObject({
      url: `/api/safeguard/${first().id}/approve`,
      body: { version: 1, comment: null },
    })
    expect(sent[0]?.key).toMatch(/^[0-9a-f-]{36}$/)
    expect(screen.queryByRole('article')).toBeNull()
  })

  it('sends one command for two quick presses', async () => {
    let release: (response: Response) => void = () => undefined
    answer = () => new Promise((resolve) => (release = resolve))
    const { user } = open([first()])
    const article = await card(/mot de passe/)
    await user.click(within(article).getByRole('button', { name: 'Approuver' }))
    const busy = await within(article).findByRole('button', { name: 'Approbation…' })
    expect(busy).toHaveAttribute('aria-busy', 'true')
    await user.click(busy)
    await act(async () => {
      release(ok())
      await Promise.resolve()
    })
    expect(sent).toHaveLength(1)
  })

  it('puts the buttons back and says why when the server refuses', async () => {
    answer = () => problem(403, { code: 'forbidden', status: 403 })
    const { user } = open([first()])
    const article = await card(/mot de passe/)
    await user.click(within(article).getByRole('button', { name: 'Approuver' }))
    expect(await screen.findByText('Votre niveau ne permet pas cette action.')).toBeVisible()
    const again = within(article).getByRole('button', { name: 'Approuver' })
    expect(again).not.toHaveAttribute('aria-busy')
  })

  it('shows the current state on a stale version and keeps the typed comment', async () => {
    const current = { ...first(), version: 2, required_approvals: 2 }
    current.decisions = [
      { kind: 'approved', by: 'paul.girard', by_id: 'user:0198-paul', at: soon(-1) },
    ]
    const told = { id: current.id, status: 'pending', version: 2 }
    answer = () => problem(409, { code: 'stale_version', status: 409, current: told })
    detail = current
    const { user } = open([first()])
    const article = await card(/mot de passe/)
    await user.click(within(article).getByRole('button', { name: 'Ajouter un commentaire' }))
    await user.type(within(article).getByRole('textbox'), 'Vu avec le client')
    await user.click(within(article).getByRole('button', { name: 'Approuver' }))
    const dialog = await screen.findByRole('dialog', { name: /a changé entre-temps/ })
    expect(within(dialog).getByText('paul.girard')).toBeVisible()
    expect(within(dialog).getByText('1 approbation sur 2')).toBeVisible()
    await user.click(within(dialog).getByRole('button', { name: 'J’ai relu' }))
    expect(within(await card(/mot de passe/)).getByRole('textbox')).toHaveValue('Vu avec le client')

    answer = () => ok()
    await user.click(within(await card(/mot de passe/)).getByRole('button', { name: 'Approuver' }))
    await waitFor(() => {
      expect(sent.at(-1)?.body).toEqual({ version: 2, comment: 'Vu avec le client' })
    })
    expect(sent[0]?.key).not.toBe(sent[1]?.key)
  })

  it('asks a reason to reject, and takes a preset', async () => {
    const { user } = open([first()])
    const article = await card(/mot de passe/)
    await user.click(within(article).getByRole('button', { name: 'Rejeter' }))
    const dialog = await screen.findByRole('dialog', { name: 'Rejeter la demande' })
    await user.click(within(dialog).getByRole('button', { name: 'Rejeter' }))
    expect(within(dialog).getByText('Indiquez un motif.')).toBeVisible()
    expect(sent).toHaveLength(0)
    await user.click(within(dialog).getByRole('button', { name: 'Mauvaise cible' }))
    await user.click(within(dialog).getByRole('button', { name: 'Rejeter' }))
    expect(await screen.findByText('Rejetée par Marie Leroy')).toBeVisible()
    expect(sent[0]?.body).toEqual({ version: 1, reason: 'Mauvaise cible' })
  })

  it('asks once more before approving an L4 action', async () => {
    const boss = samplePerson({ accreditation_level: 'N3' })
    const { user } = open([{ ...first(), security_level: 'L4' }], boss)
    const article = await card(/mot de passe/)
    await user.click(within(article).getByRole('button', { name: 'Approuver' }))
    const dialog = await screen.findByRole('dialog', { name: /destructive/ })
    expect(sent).toHaveLength(0)
    await user.click(within(dialog).getByRole('button', { name: 'Oui, approuver' }))
    await waitFor(() => {
      expect(sent).toHaveLength(1)
    })
  })

  it('shows disabled buttons and the reason to someone who may not decide', async () => {
    const { user } = open([first()], samplePerson({ accreditation_level: 'N1' }))
    const article = await card(/mot de passe/)
    const approve = within(article).getByRole('button', { name: 'Approuver' })
    expect(approve).toHaveAttribute('aria-disabled', 'true')
    expect(approve).toHaveAccessibleDescription(
      'Lecture seule\u00A0: décider demande le niveau N2.',
    )
    await user.click(approve)
    expect(sent).toHaveLength(0)
  })

  it('postpones for a chosen time only before the expiry', async () => {
    const { user } = open([second()])
    const article = await card(/Clore un ticket/)
    await user.click(within(article).getByRole('button', { name: 'Reporter' }))
    const dialog = await screen.findByRole('dialog', { name: 'Reporter pour moi' })
    expect(within(dialog).getByRole('button', { name: '15 min' })).toBeVisible()
    expect(within(dialog).queryByRole('button', { name: '1 h' })).toBeNull()
    await user.click(within(dialog).getByRole('button', { name: '30 min' }))
    await user.click(within(dialog).getByRole('button', { name: 'Reporter' }))
    await waitFor(() => {
      expect(sent[0]?.body).toMatchObject({ version: 1, minutes: 30 })
    })
    await waitFor(() => {
      expect(screen.queryByRole('article')).toBeNull()
    })
  })
})

describe('what is not offered', () => {
  it('tells the owner of the bot why, and lets him withdraw the request', async () => {
    const owner = samplePerson({ service_accounts: ['support'] })
    const { user } = open([first()], owner)
    const article = await card(/mot de passe/)
    expect(within(article).getByText(/propriétaire de ce robot/)).toBeVisible()
    for (const name of ['Approuver', 'Rejeter']) {
      const button = within(article).getByRole('button', { name })
      expect(button).toHaveAttribute('aria-disabled', 'true')
      await user.click(button)
    }
    expect(sent).toHaveLength(0)
    await user.click(within(article).getByRole('button', { name: 'Annuler la demande' }))
    const dialog = await screen.findByRole('dialog', { name: 'Annuler la demande\u00A0?' })
    await user.type(within(dialog).getByRole('textbox'), 'Plus utile')
    await user.click(within(dialog).getByRole('button', { name: 'Annuler la demande' }))
    expect(await screen.findByText('Annulée par Marie Leroy')).toBeVisible()
    expect(sent).toMatchObject([
      { url: `/api/safeguard/${first().id}/cancel`, body: { reason: 'Plus utile' } },
    ])
  })

  it('tells the person in whose name it is asked', async () => {
    open([first()], samplePerson({ username: 'jean.dupont' }))
    const article = await card(/mot de passe/)
    expect(within(article).getByText(/faite en votre nom/)).toBeVisible()
    expect(within(article).queryByRole('button', { name: 'Annuler la demande' })).toBeNull()
  })

  it('shows what a bot tries to hide in its texts', async () => {
    const context = {
      ...first().context,
      ticket_title: 'Reset \u202Eecivres',
      workflow: 'SUP\u200BPORT',
    }
    open([{ ...first(), context, arguments: { username: 'jean\u200B.dupont' } }])
    const article = await card(/mot de passe/)
    expect(article.textContent).toContain('Reset \\u{202E}ecivres')
    expect(article.textContent).toContain('SUP\\u{200B}PORT')
    expect(article.textContent).toContain('"jean\\u{200B}.dupont"')
    expect(article.textContent).not.toMatch(/[\u200B\u202E]/)
  })
})

it('shows the look-alikes of a tool nobody has registered in its title', async () => {
  open([{ ...first(), tool_name: '\u0430d_reset_password' }])
  const article = await card(/d reset password/)
  expect(article.textContent).toContain('\\u{0430}d reset password')
  expect(within(article).getByText(/Outil inconnu du registre/)).toBeVisible()
})

describe('who else is reading', () => {
  it('shows the others on the card, never oneself, until they leave', async () => {
    open([first()])
    const article = await card(/mot de passe/)
    const people = [
      { id: samplePerson().id, username: 'marie.leroy', display_name: 'Marie Leroy' },
      { id: '2', username: 'paul.girard', display_name: 'Paul Girard' },
    ]
    const told = { type: 'safeguard:presence', id: first().id }
    act(() => {
      noteReaders({ ...told, people: people.slice(0, 1) })
    })
    expect(within(article).queryByText(/lit cette demande/)).toBeNull()
    act(() => {
      noteReaders({ ...told, people })
    })
    expect(within(article).getByText('Paul Girard lit cette demande')).toBeVisible()
    act(() => {
      noteReaders({ ...told, people: [...people, { id: '3', username: 'chef', display_name: '' }] })
    })
    expect(within(article).getByText('Paul Girard et chef lisent cette demande')).toBeVisible()
    act(() => {
      noteReaders({ ...told, people: [] })
    })
    expect(within(article).queryByText(/lisent cette demande/)).toBeNull()
  })

  it('says that the focused card is being read', async () => {
    const { user } = open([first(), second()])
    await card(/mot de passe/)
    await user.keyboard('jj')
    expect(usePresence.getState().viewing).toBe(second().id)
  })
})

describe('the live list', () => {
  it('shows and announces a request that arrives', async () => {
    const { client } = open([second()])
    await card(/Clore un ticket/)
    act(() => {
      applyFrame(client, { type: 'safeguard:new_request', position: 11, data: first() })
    })
    const articles = await screen.findAllByRole('article')
    expect(articles[0]).toHaveAccessibleName(/mot de passe/)
    expect(screen.getByTestId('announcer')).toHaveTextContent('Nouvelle demande')
  })

  it('replaces a card decided elsewhere by who decided', async () => {
    const { client } = open([first()])
    await card(/mot de passe/)
    const data = {
      ...first(),
      status: 'rejected',
      version: 2,
      decisions: [{ kind: 'rejected', by: 'user:paul.girard', at: soon(0) }],
    }
    act(() => {
      applyFrame(client, { type: 'safeguard:request_rejected', position: 12, data })
    })
    expect(await screen.findByText('Rejetée par paul.girard')).toBeVisible()
    expect(screen.queryByRole('article')).toBeNull()
  })
})

describe('the keyboard', () => {
  it('moves with J and K, and decides only on the focused card', async () => {
    const { user } = open([first(), second()])
    const one = await card(/mot de passe/)
    const two = await card(/Clore un ticket/)
    await user.keyboard('a')
    expect(sent).toHaveLength(0)
    await user.keyboard('j')
    expect(one).toHaveFocus()
    await user.keyboard('j')
    expect(two).toHaveFocus()
    await user.keyboard('k')
    expect(one).toHaveFocus()
    await user.keyboard('ja')
    await waitFor(() => {
      expect(sent.map((each) => each.url)).toEqual([`/api/safeguard/${second().id}/approve`])
    })
  })

  it('opens the dialogs with R, P and ?, and the search with /', async () => {
    const { user } = open([second()])
    await card(/Clore un ticket/)
    await user.keyboard('jr')
    expect(await screen.findByRole('dialog', { name: 'Rejeter la demande' })).toBeVisible()
    await user.keyboard('{Escape}')
    await user.keyboard('jp')
    expect(await screen.findByRole('dialog', { name: 'Reporter pour moi' })).toBeVisible()
    await user.keyboard('{Escape}')
    await user.keyboard('?')
    expect(await screen.findByRole('dialog', { name: 'Raccourcis clavier' })).toBeVisible()
    await user.keyboard('{Escape}')
    await user.keyboard('/')
    expect(screen.getByRole('searchbox')).toHaveFocus()
    await user.keyboard('jar')
    expect(screen.getByRole('searchbox')).toHaveValue('jar')
    expect(sent).toHaveLength(0)
  })

  it('leaves a card that may not be decided alone', async () => {
    const { user } = open([first()], samplePerson({ username: 'jean.dupont' }))
    await card(/mot de passe/)
    await user.keyboard('jar')
    expect(screen.queryByRole('dialog')).toBeNull()
    expect(sent).toHaveLength(0)
  })
})
