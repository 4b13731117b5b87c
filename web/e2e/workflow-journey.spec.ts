// From a bot's request to the trail it leaves, with several people at their screens.
import { expect, test, type Page, type WebSocketRoute } from '@playwright/test'
import { ask, browserOf, client, requestFor, Workflow } from './workflow'

const card = (page: Page, id: string) => page.locator(`article[data-approval="${id}"]`)

async function openPending(page: Page) {
  await page.goto('/safeguard/pending')
  await expect(page.locator('[data-connection="live"]')).toBeVisible()
}

async function comment(page: Page, id: string, text: string) {
  await card(page, id).getByRole('button', { name: 'Ajouter un commentaire' }).click()
  await card(page, id)
    .getByRole('textbox', { name: /Commentaire/ })
    .fill(text)
}

async function approve(page: Page, id: string) {
  await card(page, id).getByRole('button', { name: 'Approuver' }).click()
}

// One approval is enough only for a client known not to be critical.
test.beforeAll(async ({ browser }) => {
  const admin = await browserOf(browser, 'admin')
  const headers = { 'X-Requested-With': 'greffe' }
  const answer = await admin.request.post('/api/clients', { data: client, headers })
  // After a failed test this runs again: it is there already.
  expect([200, 201, 409], await answer.text()).toContain(answer.status())
  await admin.context().close()
})

let workflow: Workflow | undefined
test.afterEach(() => {
  workflow?.stop()
  workflow = undefined
})

test('a bot asks, a person approves, the bot acts, the trail tells', async ({ browser }) => {
  const page = await browserOf(browser, 'technicien')
  await openPending(page)
  await page.evaluate(() => document.body.setAttribute('data-same-page', ''))

  workflow = new Workflow(requestFor(1234))
  const { id, reference } = await workflow.next('requested')
  await expect(card(page, id)).toContainText('Réinitialiser un mot de passe')
  for (const text of ['jean.dupont', 'Reset MDP - Jean Dupont', client.name, 'support', 'L3']) {
    await expect(card(page, id)).toContainText(text)
  }
  await expect(page).toHaveTitle(/^\(\d+\) SAFEGUARD/)

  await comment(page, id, 'Identité vérifiée par téléphone')
  await approve(page, id)
  await expect(page.getByText('Approuvée par technicien').first()).toBeVisible()
  await expect(card(page, id)).toHaveCount(0)

  const decided = await workflow.next('decided')
  expect(decided).toMatchObject({ status: 'approved', words: ['Identité vérifiée par téléphone'] })
  const { detail } = await workflow.next('reported')
  expect(await workflow.isOver()).toBe(true)

  const tabs = page.getByRole('navigation', { name: 'Sections de SAFEGUARD' })
  await tabs.getByRole('link', { name: 'Historique' }).click()
  const row = page.getByRole('row').filter({ hasText: reference })
  await expect(row).toContainText('Exécutée')
  await expect(row).toContainText('technicien')
  await row.getByRole('link', { name: reference }).click()
  const main = page.getByRole('main')
  await expect(main.getByText('Réussie')).toBeVisible()
  await expect(main.getByText(detail).first()).toBeVisible()
  await expect(main.getByText('« Identité vérifiée par téléphone »')).toBeVisible()
  const steps = main.getByRole('list', { name: 'Déroulement' }).getByRole('listitem')
  await expect(steps).toContainText([
    'Demande déposée',
    'Approuvée',
    'Autorisation retirée par le workflow',
    'Action exécutée',
  ])
  // All this time the page was never loaded again.
  await expect(page.locator('body[data-same-page]')).toHaveCount(1)
  await page.context().close()

  const auditor = await browserOf(browser, 'admin')
  await auditor.goto(`/safeguard/${id}`)
  await auditor.getByRole('link', { name: 'Voir dans l’audit' }).click()
  const history = auditor.getByRole('list', { name: 'Histoire · Demande' })
  const entry = (action: string) => history.getByRole('listitem').filter({ hasText: action })
  await expect(entry('safeguard.approval.requested')).toContainText('support')
  const decision = entry('safeguard.approval.approved')
  await expect(decision).toContainText('technicien')
  await expect(decision).toContainText('« Identité vérifiée par téléphone »')
  await expect(decision).toContainText('127.0.0.1')
  await expect(decision.locator('time').first()).toHaveAttribute('datetime', /^\d{4}-\d\d-\d\dT/)
  await expect(entry('safeguard.approval.executed').last()).toContainText('support')

  await auditor.goto(`/audit?target_id=${id}`)
  const trail = auditor.getByRole('list', { name: 'Journal d’audit' }).getByRole('listitem')
  await expect(trail.filter({ hasText: 'Demande approuvée' })).toContainText('technicien')
  await expect(trail.filter({ hasText: 'Demande déposée' })).toContainText('support')
  await expect(trail.filter({ hasText: 'Action exécutée' })).toContainText('support')
  await auditor.context().close()
})

test('a rejection needs a reason, and the bot gets it', async ({ browser }) => {
  const page = await browserOf(browser, 'technicien')
  await openPending(page)
  workflow = new Workflow(requestFor(1235))
  const { id, reference } = await workflow.next('requested')
  await card(page, id).getByRole('button', { name: 'Rejeter' }).click()
  const dialog = page.getByRole('dialog', { name: 'Rejeter la demande' })
  await dialog.getByRole('button', { name: 'Rejeter' }).click()
  await expect(dialog.getByText('Indiquez un motif.')).toBeVisible()
  await dialog.getByRole('textbox', { name: 'Motif' }).fill('Le demandeur ne répond pas')
  await dialog.getByRole('button', { name: 'Rejeter' }).click()
  await expect(card(page, id)).toHaveCount(0)

  const decided = await workflow.next('decided')
  expect(decided).toMatchObject({ status: 'rejected', words: ['Le demandeur ne répond pas'] })
  expect(await workflow.isOver()).toBe(true)

  await page.goto('/safeguard/history?status=rejected')
  await expect(page.getByRole('row').filter({ hasText: reference })).toContainText('Rejetée')
  await page.context().close()
})

test('of two who decide at once one learns it, and keeps his words', async ({ browser }) => {
  const first = await browserOf(browser, 'technicien')
  const second = await browserOf(browser, 'approbateur')
  // The second one's network is slow: what happens reaches him late.
  let late = false
  const held: (string | Buffer)[] = []
  let socket: WebSocketRoute | undefined
  await second.routeWebSocket(/\/api\/safeguard\/ws/, (route) => {
    socket = route
    route.connectToServer().onMessage((message) => {
      if (late) held.push(message)
      else route.send(message)
    })
  })
  await openPending(first)
  await openPending(second)
  const { id } = await ask(requestFor(1236))
  await comment(second, id, 'Vu avec le responsable du site')
  await expect(card(first, id)).toBeVisible()

  late = true
  await approve(first, id)
  await expect(card(first, id)).toHaveCount(0)
  await approve(second, id)
  const dialog = second.getByRole('dialog', { name: 'Cette demande a changé entre-temps' })
  await expect(dialog).toContainText('Approuvée')
  await expect(dialog).toContainText('technicien')
  await expect(dialog).toContainText('Vu avec le responsable du site')
  await dialog.getByRole('button', { name: 'J’ai relu' }).click()
  for (const message of held) socket?.send(message)
  await expect(card(second, id)).toHaveCount(0)

  await second.goto(`/safeguard/${id}`)
  const decisions = second.getByRole('list', { name: 'Décisions' }).getByRole('listitem')
  await expect(decisions).toHaveCount(1)
  await expect(decisions).toContainText('technicien')
  await first.context().close()
  await second.context().close()
})

test('a critical client takes two people, and each sees where it stands', async ({ browser }) => {
  const first = await browserOf(browser, 'technicien')
  const second = await browserOf(browser, 'approbateur')
  await openPending(first)
  await openPending(second)
  const { context } = requestFor(1237)
  const { id } = await ask(requestFor(1237, { context: { ...context, client_critical: true } }))
  await expect(card(second, id)).toContainText('0 approbation sur 2')
  await expect(card(second, id)).toContainText('Client critique, ou absent du registre')
  await approve(first, id)
  await expect(card(second, id)).toContainText('1 approbation sur 2')
  await expect(card(first, id)).toContainText('En attente d’une deuxième personne.')
  await approve(second, id)
  await expect(card(first, id)).toHaveCount(0)
  await expect(card(second, id)).toHaveCount(0)
  await first.context().close()
  await second.context().close()
})

test('leaving out the client lowers nothing, and the card says so', async ({ browser }) => {
  const page = await browserOf(browser, 'technicien')
  await openPending(page)
  const { id } = await ask(requestFor(1243, { context: { client_name: client.name } }))
  await expect(card(page, id)).toContainText('0 approbation sur 2')
  await expect(card(page, id)).toContainText('Client non identifié : compte comme critique')
  await page.context().close()
})

test('who asked, owns the bot, or is asked for may not decide', async ({ browser }) => {
  const owner = await browserOf(browser, 'chef.support')
  await openPending(owner)
  const { id } = await ask(requestFor(1238, { on_behalf_of: 'technicien' }))
  await expectRefused(owner, id, 'Vous êtes le propriétaire de ce robot')

  const beneficiary = await browserOf(browser, 'technicien')
  await openPending(beneficiary)
  await expectRefused(beneficiary, id, 'Cette demande est faite en votre nom')
  await beneficiary.context().close()

  const requester = await browserOf(browser, 'approbateur')
  const own = await requester.request.post('/api/safeguard/requests', {
    data: requestFor(1239),
    headers: { 'X-Requested-With': 'greffe' },
  })
  const asked = (await own.json()) as { id: string }
  await openPending(requester)
  await expectRefused(requester, asked.id, 'Vous êtes à l’origine de cette demande')
  await requester.context().close()

  // What the owner may do is withdraw it, and everybody learns that.
  await card(owner, id).getByRole('button', { name: 'Annuler la demande' }).click()
  const dialog = owner.getByRole('dialog', { name: 'Annuler la demande ?' })
  await dialog.getByRole('textbox').fill('Ticket clos entre-temps')
  await dialog.getByRole('button', { name: 'Annuler la demande' }).click()
  await expect(card(owner, id)).toHaveCount(0)
  await owner.goto(`/safeguard/${id}`)
  await expect(owner.getByRole('main')).toContainText('Ticket clos entre-temps')
  await owner.context().close()
})

test('an N1 reads, and is told why he cannot decide', async ({ browser }) => {
  const page = await browserOf(browser, 'lecteur')
  await openPending(page)
  const { id } = await ask(requestFor(1240))
  const all = ['Approuver', 'Rejeter', 'Reporter']
  await expectRefused(page, id, 'Lecture seule\u00A0: décider demande le niveau N2.', all)
  await page.context().close()
})

async function expectRefused(
  page: Page,
  id: string,
  reason: string,
  buttons = ['Approuver', 'Rejeter'],
) {
  let asked = 0
  page.on('request', (request) => (asked += request.method() === 'POST' ? 1 : 0))
  for (const name of buttons) {
    const button = card(page, id).getByRole('button', { name })
    await expect(button).toHaveAttribute('aria-disabled', 'true')
    await expect(button).toHaveAccessibleDescription(new RegExp(reason))
    await button.click({ force: true })
  }
  await expect(page.getByRole('dialog')).toHaveCount(0)
  expect(asked).toBe(0)
}

test('a lost connection is said, and what was missed comes once', async ({ browser }) => {
  const page = await browserOf(browser, 'technicien')
  let cut = false
  const sockets: WebSocketRoute[] = []
  await page.routeWebSocket(/\/api\/safeguard\/ws/, async (route) => {
    if (cut) return route.close({ code: 1001 })
    sockets.push(route)
    route.connectToServer()
  })
  await openPending(page)

  cut = true
  await page.context().setOffline(true)
  await Promise.all(sockets.map((socket) => socket.close({ code: 1001 })))
  await expect(page.getByText('Hors ligne. Ce que vous voyez peut être ancien.')).toBeVisible()
  const { id } = await ask(requestFor(1241))
  await expect(card(page, id)).toHaveCount(0)

  cut = false
  await page.context().setOffline(false)
  await expect(card(page, id)).toBeVisible()
  await expect(page.locator('[data-connection="live"]')).toBeVisible()
  await expect(page.getByText('Hors ligne.')).toHaveCount(0)
  await expect(card(page, id)).toHaveCount(1)
  await page.context().close()
})

test('a request that nobody decides expires before their eyes', async ({ browser }) => {
  const page = await browserOf(browser, 'technicien')
  await openPending(page)
  workflow = new Workflow(requestFor(1242, { expires_in_seconds: 60 }))
  const { id } = await workflow.next('requested')
  await expect(card(page, id)).toContainText('URGENT')
  await expect(card(page, id).getByRole('timer')).toHaveText(/^00:\d\d$/)
  await expect(page.getByText('Expirée sans décision').first()).toBeVisible({ timeout: 120_000 })
  await expect(card(page, id)).toHaveCount(0)
  expect(await workflow.next('decided')).toMatchObject({ status: 'expired', words: [] })
  await page.context().close()
})
