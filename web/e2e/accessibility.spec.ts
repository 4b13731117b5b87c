import { expect, test, type Page } from '@playwright/test'
import { alert, enrichmentRun, publish, step, ticket, workflowError } from './facts'
import { expectNoSidewaysScroll, expectNoViolation, paint } from './accessible'
import { sessionFile } from './platform'
import { ask, browserOf, requestFor } from './workflow'

// `{id}` is an approval that waits for its second vote.
const pages: [path: string, heading: string | RegExp][] = [
  ['/', 'Menu principal'],
  ['/safeguard/pending', 'Approbations en attente'],
  ['/safeguard/history', 'Historique des demandes'],
  ['/safeguard/statistics', 'Statistiques'],
  ['/safeguard/tools', 'Registre des outils'],
  ['/safeguard/clients', 'Registre des clients'],
  ['/safeguard/{id}', /Réinitialiser un mot de passe/],
  ['/supervision/overview', 'Vue d’ensemble'],
  ['/supervision/support', /SUPPORT/],
  ['/supervision/sentinel', /SENTINEL/],
  ['/supervision/enrichisseur', /ENRICHISSEUR/],
  ['/supervision/safeguard', /SAFEGUARD/],
  ['/supervision/tickets', 'Tickets'],
  ['/supervision/alertes', 'Alertes'],
  ['/supervision/alertes/{alert}', 'SWITCH-CLI-001'],
  ['/supervision/erreurs', 'Erreurs'],
  ['/supervision/runs', 'Exécutions d’ENRICHISSEUR'],
  ['/supervision/activite', 'Activité'],
  ['/supervision/sante', 'État des composants'],
  ['/supervision/rejets', 'Faits rejetés'],
  ['/supervision/maintenances', 'Maintenances'],
  ['/supervision/mur', /Vue d’ensemble/],
  ['/supervision/mur?theme=light', /Vue d’ensemble/],
  ['/audit', 'Journal d’audit'],
  ['/events', 'Événements'],
  ['/operations', 'Exploitation'],
  ['/audit/safeguard.approval/{id}', 'Histoire · Demande'],
  ['/audit/chain/{chain}', 'Chaîne causale'],
  ['/nulle-part', 'Page introuvable'],
]
const widths = [1440, 375]

let approval = { id: '', chain: '' }
let alertId = ''
test.beforeAll(async ({ browser }) => {
  const admin = await browserOf(browser, 'admin')
  // Its client is not registered, so it takes two people.
  const { context } = requestFor(1100)
  const { id } = await ask(requestFor(1100, { context: { ...context, client_id: '9100' } }))
  const vote = await admin.request.post(`/api/safeguard/${id}/approve`, {
    data: { version: 1, comment: 'Vu' },
    headers: { 'X-Requested-With': 'greffe' },
  })
  const { position } = (await vote.json()) as { position: number }
  const trail = await admin.request.get(`/api/users/audit?target_id=${id}`, {
    headers: { 'Greffe-Min-Position': String(position) },
  })
  const { items } = (await trail.json()) as { items: { correlation_id: string }[] }
  approval = { id, chain: items[0]?.correlation_id ?? '' }
  await publish(
    ticket(1234),
    alert('axe-1', 'SWITCH-CLI-001', { client_id: '9100' }),
    step('axe-1', 'ticket_created', { ticket_id: 4567 }),
    workflowError('Timeout MCP'),
    enrichmentRun('axe-run'),
  )
  await expect(async () => {
    const found = await admin.request.get('/api/supervision/alerts?q=SWITCH-CLI-001')
    const page = (await found.json()) as { items: { id: string }[] }
    alertId = page.items[0]?.id ?? ''
    expect(alertId).not.toBe('')
  }).toPass()
  await admin.context().close()
})

test.use({ reducedMotion: 'reduce' })

/** The same page in both themes and widths: loaded once, since a load costs more than its checks. */
async function expectAccessible(page: Page) {
  for (const width of widths) {
    await page.setViewportSize({ width, height: 900 })
    await paint(page, 'light')
    await expectNoViolation(page, `light, ${width} px`)
    await paint(page, 'dark')
    // What is said and where it stands is the same in the dark: only the colours are not.
    await expectNoViolation(page, `dark, ${width} px`, ['color-contrast', 'link-in-text-block'])
    await expectNoSidewaysScroll(page, width)
  }
}

for (const [path, heading] of pages) {
  test.describe('signed in', () => {
    test.use({ storageState: sessionFile })
    test(path, async ({ page }) => {
      const address = path
        .replace('{id}', approval.id)
        .replace('{chain}', approval.chain)
        .replace('{alert}', alertId)
      await page.goto(address)
      await expect(page.getByRole('heading', { name: heading, level: 1 })).toBeAttached()
      await page.waitForLoadState('networkidle')
      await expect(page.getByText('Chargement…')).toHaveCount(0)
      await expectAccessible(page)
    })
  })
}

test('the sign-in page', async ({ page }) => {
  await page.goto('/sign-in')
  await expect(page.getByRole('heading', { name: 'Connexion' })).toBeVisible()
  await expectAccessible(page)
})
