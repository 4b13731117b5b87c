// The five dashboards move while somebody looks at them: facts go over NATS, as workflows send them.
import { expect, test, type Locator, type Page } from '@playwright/test'
import { expectNoSidewaysScroll } from './accessible'
import { alert, enrichmentRun, publish, step, ticket, workflowError } from './facts'
import { sessionFile } from './platform'
import { ask, browserOf, requestFor } from './workflow'

test.use({ storageState: sessionFile })

/** Numbers that no other run has used. */
let next = 70_000 + (Date.now() % 1_000) * 10
const number = () => (next += 1)

async function open(page: Page, path: string, heading: string | RegExp) {
  await page.goto(path)
  await expect(page.getByRole('heading', { name: heading, level: 1 })).toBeVisible()
  await expect(page.locator('[data-feed="live"]')).toBeVisible()
}

/** The number that stands under a label. */
function figure(page: Page, label: string): Locator {
  const term = page.locator('dt').filter({ hasText: new RegExp(`^${label}$`) })
  return page.locator('dl > div').filter({ has: term }).locator('dd').first()
}

async function valueOf(shown: Locator): Promise<number> {
  const text = await shown.evaluate(
    (node) => (node.querySelector('a') ?? node).firstChild?.textContent,
  )
  return Number((text ?? '').replace(/[^\d]/g, ''))
}

const row = (page: Page, list: string, text: string | RegExp) =>
  page
    .getByRole('list', { name: list, exact: true })
    .getByRole('listitem')
    .filter({ hasText: text })

test('the overview counts a ticket and tells it, without reloading', async ({ page }) => {
  await open(page, '/supervision/overview', 'Vue d’ensemble')
  const before = await valueOf(figure(page, 'Tickets'))
  const id = number()
  await publish(ticket(id))
  await expect(row(page, 'Activité', `#${id}`)).toContainText('RESET_MDP · Résolu')
  await expect.poll(() => valueOf(figure(page, 'Tickets'))).toBe(before + 1)
  for (const name of ['GLPI', 'NATS', 'PostgreSQL', 'Observium', 'MCP', 'Modèles']) {
    await expect(
      page.getByRole('list', { name: 'État des composants' }).getByText(name, { exact: true }),
    ).toBeVisible()
  }
})

test('a number leads to its list, and the list to the history', async ({ page }) => {
  const id = number()
  await publish(ticket(id, { title: 'Compte bloqué' }))
  await open(page, '/supervision/overview', 'Vue d’ensemble')
  await expect(row(page, 'Activité', `#${id}`)).toBeVisible()
  await figure(page, 'Tickets').getByRole('link').click()
  await expect(page).toHaveURL(/\/supervision\/tickets\?range=(%22)?24h/)
  const found = row(page, 'Tickets', `#${id}`)
  await expect(found).toContainText('Compte bloqué')
  await page.getByRole('button', { name: 'Exporter' }).click()
  const csv = await page.getByRole('menuitem', { name: 'CSV' }).getAttribute('href')
  const file = await page.request.get(csv ?? '')
  expect(file.headers()['content-type']).toContain('text/csv')
  expect(await file.text()).toContain(String(id))
  await page.keyboard.press('Escape')
  await found.getByRole('link', { name: /^Historique/ }).click()
  await expect(page.getByRole('heading', { name: 'Histoire · Ticket' })).toBeVisible()
  await expect(page.getByText('Ticket traité')).toBeVisible()
})

test('SUPPORT counts a ticket once, with its latest outcome, and tells errors', async ({
  page,
}) => {
  await open(page, '/supervision/support', /SUPPORT/)
  const before = await valueOf(figure(page, 'Tickets traités'))
  const errors = await valueOf(figure(page, 'Erreurs des dernières 24 h'))
  const id = number()
  await publish(ticket(id, { category: 'AUTRE', outcome: 'in_progress', automatic: false }))
  const shown = row(page, 'Dernières actions', `#${id}`)
  await expect(shown).toContainText('En cours')
  await publish(ticket(id, { category: 'AUTRE', outcome: 'escalated', automatic: false }))
  await expect(shown).toContainText('Escaladé')
  await publish(workflowError(`Timeout MCP ${id}`, { ticket_id: id }))
  const list = row(page, 'Erreurs des dernières 24 h', `Timeout MCP ${id}`)
  await expect(list).toContainText('échec après 3 tentatives')
  await expect.poll(() => valueOf(figure(page, 'Tickets traités'))).toBe(before + 1)
  await expect.poll(() => valueOf(figure(page, 'Erreurs des dernières 24 h'))).toBe(errors + 1)
  const diag = page.getByRole('row', { name: /^#DIAG/ })
  await expect(diag).toContainText('s. o.')
  // The table behind the chart.
  const toggle = page.getByRole('button', { name: /^Tableau · Tickets dans le temps/ })
  await toggle.click()
  await expect(page.getByRole('table', { name: 'Tickets dans le temps' })).toBeVisible()
})

test('SENTINEL shows an alert with its steps, and its end', async ({ page }) => {
  await open(page, '/supervision/sentinel', /SENTINEL/)
  const before = await valueOf(figure(page, 'Alertes'))
  const id = `e2e-${number()}`
  const device = `SWITCH-${id}`
  await publish(alert(id, device))
  const entry = page.locator('[data-alert]').filter({ hasText: device })
  await expect(entry).toContainText('FAI probable, 75 %')
  await expect.poll(() => valueOf(figure(page, 'Alertes'))).toBe(before + 1)
  await expect(page.locator('[data-impact="red"]').first()).toContainText('En panne')
  await publish(step(id, 'ticket_created', { ticket_id: 4567 }), step(id, 'awaiting_diag'))
  await expect(entry).toContainText('Ticket créé #4567')
  await expect(entry).toContainText('Attend #DIAG')
  const over = { state: 'up', resolution: 'client a redémarré', confidence: null }
  await publish(alert(id, device, over))
  await expect(entry).toContainText('Résolue')
  await expect(entry).toContainText('client a redémarré')
})

test('ENRICHISSEUR adds up its runs', async ({ page }) => {
  await open(page, '/supervision/enrichisseur', /ENRICHISSEUR/)
  const before = await valueOf(figure(page, 'Connaissances'))
  await publish(enrichmentRun(`run-${number()}`, { added: 17, failed: 2 }))
  await expect(row(page, 'Dernières exécutions', '17 ajoutées').first()).toContainText('2 échecs')
  await expect.poll(() => valueOf(figure(page, 'Connaissances'))).toBe(before + 17)
})

test('SAFEGUARD’s dashboard shows a request as it comes', async ({ page }) => {
  await open(page, '/supervision/safeguard', /SAFEGUARD/)
  const before = await valueOf(figure(page, 'Approbations en attente'))
  const { reference } = await ask(requestFor(number()))
  await expect(row(page, 'Approbations en attente', reference)).toContainText('À temps')
  await expect.poll(() => valueOf(figure(page, 'Approbations en attente'))).toBe(before + 1)
})

test('an alert is acknowledged, noted and resolved; a stale act is refused', async ({ page }) => {
  const id = `e2e-${number()}`
  const device = `SWITCH-${id}`
  await publish(alert(id, device))
  await page.goto(`/supervision/alertes?q=${device}`)
  await page.getByRole('link', { name: device }).click()
  await expect(page.getByRole('heading', { name: device, level: 1 })).toBeVisible()
  await page.getByRole('button', { name: 'Prendre en charge' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Prendre en charge' }).click()
  await expect(dialog).toHaveCount(0)
  const story = page.getByRole('list', { name: 'Déroulement' })
  await expect(story).toContainText('Prise en charge')

  await page.getByRole('button', { name: 'Résoudre' }).click()
  await dialog.getByLabel('Ce qui l’a résolue').fill('Câble remplacé')
  // Meanwhile somebody else finds the cause elsewhere: what is resolved is not what was read.
  const found = await page.request.get(`/api/supervision/alerts?q=${device}`)
  const { items } = (await found.json()) as { items: { id: string; version: number }[] }
  const changed = await page.request.post(`/api/sentinel/alerts/${items[0]?.id}/reclassify`, {
    data: { version: items[0]?.version, responsibility: 'local', confidence: null },
    headers: { 'X-Requested-With': 'greffe' },
  })
  expect(changed.status()).toBe(200)
  await dialog.getByRole('button', { name: 'Résoudre' }).click()
  await expect(dialog).toContainText('L’alerte a changé pendant que vous la lisiez')
  await dialog.getByRole('button', { name: 'J’ai relu, continuer' }).click()
  await expect(dialog.getByLabel('Ce qui l’a résolue')).toHaveValue('Câble remplacé')
  await dialog.getByRole('button', { name: 'Résoudre' }).click()
  await expect(dialog).toHaveCount(0)
  await expect(story).toContainText('Câble remplacé')
})

test('a maintenance window mutes the alerts of its device until it is cancelled', async ({
  page,
}) => {
  const id = `e2e-${number()}`
  const device = `SWITCH-${id}`
  await page.goto('/supervision/maintenances')
  await page.getByRole('button', { name: 'Planifier' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Planifier' }).click()
  await expect(dialog.getByText('Un client ou un équipement est nécessaire.')).toBeVisible()
  await dialog.getByLabel('Équipement').fill(device)
  await dialog.getByLabel('Motif').fill('Remplacement du commutateur')
  await dialog.getByRole('button', { name: 'Planifier' }).click()
  await expect(dialog).toHaveCount(0)
  const planned = page.locator('[data-maintenance]').filter({ hasText: device })
  await expect(planned).toContainText('En cours')

  await publish(alert(id, device))
  await page.goto(`/supervision/alertes?q=${device}`)
  const entry = page.locator('[data-alert]').filter({ hasText: device })
  await expect(entry).toContainText('Notifications coupées')

  await page.goto('/supervision/maintenances')
  // What it mutes is listed under it.
  const muted = planned.getByRole('list', { name: '1 alerte en cours' })
  await expect(muted.getByRole('link', { name: device })).toBeVisible()
  await planned.getByRole('button', { name: /^Annuler/ }).click()
  await dialog.getByRole('button', { name: 'Annuler' }).click()
  await expect(planned).toContainText('Annulée')
})

test('the wall turns, pauses, and goes back and forth by the keys', async ({ page }) => {
  await page.goto('/supervision/mur?every=5')
  const title = page.getByRole('heading', { level: 1 })
  await expect(title).toContainText('Vue d’ensemble')
  await expect(page.getByRole('navigation', { name: 'Navigation principale' })).toHaveCount(0)
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark')
  await expect(title).toContainText('SUPPORT')
  await page.keyboard.press('Space')
  await expect(page.getByRole('button', { name: 'Reprendre (espace)' })).toBeVisible()
  await page.keyboard.press('ArrowRight')
  await expect(title).toContainText('SENTINEL')
  await page.keyboard.press('ArrowLeft')
  await expect(title).toContainText('SUPPORT')
  const id = number()
  await publish(ticket(id))
  await expect(row(page, 'Dernières actions', `#${id}`)).toBeVisible()
})

for (const [held, width, height] of [
  ['upright', 375, 812],
  ['sideways', 812, 375],
] as const) {
  test(`the wall is read to its end on a phone held ${held}`, async ({ page }) => {
    await page.setViewportSize({ width, height })
    await page.goto('/supervision/mur?every=600')
    await expect(page.getByRole('heading', { level: 1 })).toContainText('Vue d’ensemble')
    const last = page.getByRole('list', { name: 'Activité' }).getByRole('listitem').last()
    await expect(last).toBeAttached()
    await page.mouse.move(width / 2, height / 2)
    // As a finger does: what cannot be scrolled by hand stays out of sight.
    await expect(async () => {
      await page.mouse.wheel(0, 4_000)
      await expect(last).toBeInViewport({ timeout: 1_000 })
    }).toPass()
    await expectNoSidewaysScroll(page, width)
    await page.getByRole('button', { name: 'SENTINEL' }).click()
    await expect(page.getByRole('heading', { level: 1 })).toContainText('SENTINEL')
    await expect(page.getByRole('heading', { level: 1 })).toBeInViewport()
  })
}

test('a list that the server puts off comes by itself', async ({ page }) => {
  const id = number()
  await publish(ticket(id))
  let refused = 0
  await page.route('**/api/supervision/tickets?*', async (route) => {
    if (refused === 2) return route.fallback()
    refused += 1
    const problem = { status: 429, code: 'rate_limited', detail: 'Too many requests.' }
    await route.fulfill({
      status: 429,
      headers: { 'Retry-After': '1' },
      contentType: 'application/problem+json',
      body: JSON.stringify(problem),
    })
  })
  // Nobody may ever see a refusal.
  await page.addInitScript(() => {
    new MutationObserver(() => {
      if (document.querySelector('[role=alert]')) sessionStorage.setItem('refusal', 'seen')
    }).observe(document, { childList: true, subtree: true })
  })
  await page.goto(`/supervision/tickets?q=${id}`)
  await expect(row(page, 'Tickets', `#${id}`)).toBeVisible()
  expect(refused).toBe(2)
  expect(await page.evaluate(() => sessionStorage.getItem('refusal'))).toBeNull()
})

test('polling takes over where no socket can be had', async ({ page }) => {
  await page.routeWebSocket(/\/api\/supervision\/ws/, (socket) => socket.close())
  await page.goto('/supervision/support')
  await expect(page.locator('[data-feed="degraded"]')).toContainText(
    'Mise à jour toutes les 30 s',
    { timeout: 60_000 },
  )
  const id = number()
  await publish(ticket(id))
  await expect(row(page, 'Dernières actions', `#${id}`)).toBeVisible({ timeout: 90_000 })
})

test('a socket that breaks is resumed, and nothing is missed', async ({ page }) => {
  await open(page, '/supervision/overview', 'Vue d’ensemble')
  await page.context().setOffline(true)
  await expect(page.locator('[data-feed="offline"]')).toBeVisible()
  const id = number()
  await publish(ticket(id))
  await page.context().setOffline(false)
  await expect(page.locator('[data-feed="live"]')).toBeVisible({ timeout: 90_000 })
  await expect(row(page, 'Activité', `#${id}`)).toBeVisible()
})

test('SUPERVISION is for N3 and above', async ({ browser }) => {
  const technician = await browserOf(browser, 'technicien')
  await technician.goto('/supervision/overview')
  await expect(technician.getByRole('heading', { name: 'Menu principal' })).toBeVisible()
  await expect(technician.getByText('SUPERVISION')).toHaveCount(0)
  const refused = await technician.request.get('/api/supervision/overview')
  expect(refused.status()).toBe(403)
  await technician.context().close()
})
