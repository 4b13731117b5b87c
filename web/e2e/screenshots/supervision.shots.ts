// Not a test: draws docs/images/supervision-*.png from a platform that scripts/journeys or
// `greffe simulate` has filled.
//   npx playwright test --config e2e/screenshots/playwright.config.ts
import { expect, test } from '@playwright/test'
import {
  ago,
  alert,
  enrichmentRun,
  publish,
  step,
  ticket,
  workflowError,
  type Fact,
} from '../facts'
import { sessionFile } from '../platform'
import { ask, requestFor } from '../workflow'

test.use({
  storageState: sessionFile,
  viewport: { width: 1440, height: 900 },
  colorScheme: 'light',
  reducedMotion: 'reduce',
})

const categories = ['RESET_MDP', 'DEBLOCAGE', 'RESET_MDP', 'DIAG', 'AUTRE'] as const
const outcomes = {
  RESET_MDP: 'resolved',
  DEBLOCAGE: 'resolved',
  DIAG: 'in_progress',
  AUTRE: 'escalated',
}
const clients = [
  ['42', 'EHPAD Les Jardins'],
  ['7', 'Clinique Saint-Joseph'],
  ['12', 'EHPAD Music Art'],
  ['15', 'Cabinet Martin'],
] as const

/** More of them in the morning, as on any day. */
function tickets(): Fact[] {
  return Array.from({ length: 90 }, (_, i) => {
    const category = categories[(i * 7) % categories.length] ?? 'AUTRE'
    const automatic = category === 'RESET_MDP' || category === 'DEBLOCAGE'
    const minutes = (i % 3 === 0 ? 30 + i * 6 : 260 + ((i * 37) % 200)) % (23 * 60)
    return ticket(80_000 + i, {
      category,
      automatic: automatic && i % 11 !== 0,
      outcome: outcomes[category],
      client_id: clients[i % clients.length]?.[0],
      duration_ms: 4_000 + ((i * 977) % 9_000),
      occurred_at: ago(minutes),
    })
  })
}

function alerts(): Fact[] {
  const sides = ['fai', 'local', 'fai', 'widip', 'indetermine'] as const
  return Array.from({ length: 12 }, (_, i): Fact[] => {
    const id = `shot-${i}`
    const device = `SWITCH-${['JARD', 'CLIN', 'MUSIC', 'MART'][i % 4]}-00${(i % 3) + 1}`
    const facts = {
      client_id: clients[i % clients.length]?.[0],
      responsibility: sides[i % sides.length],
      confidence: 60 + ((i * 13) % 40),
      severity: i % 4 === 1 ? 'warning' : 'critical',
    }
    const at = 25 + i * 47
    const told = [
      alert(id, device, { ...facts, occurred_at: ago(at) }),
      step(id, 'ticket_created', { ticket_id: 4560 + i, occurred_at: ago(at - 2) }),
    ]
    if (i % 4 === 1) {
      told.push(step(id, 'diagnostic_mail_sent', { occurred_at: ago(at - 4) }))
      told.push(step(id, 'awaiting_diag', { occurred_at: ago(at - 5) }))
    }
    if (i > 2) {
      const resolution = i % 2 ? 'le client a redémarré l’équipement' : 'rétabli par le fournisseur'
      told.push(alert(id, device, { ...facts, state: 'up', resolution, occurred_at: ago(at - 22) }))
    }
    return told
  }).flat()
}

test('the five dashboards', async ({ page }) => {
  test.setTimeout(240_000)
  for (const [id, name] of clients) {
    const answer = await page.request.put(`/api/clients/${id}`, {
      data: { name, critical: name.startsWith('EHPAD') || name.startsWith('Clinique') },
      headers: { 'X-Requested-With': 'greffe' },
    })
    expect(answer.ok()).toBe(true)
  }
  await publish(
    ...tickets(),
    ...alerts(),
    workflowError('Timeout MCP', { ticket_id: 1230, occurred_at: ago(70) }),
    workflowError('GLPI API Error 500', { tool: null, recovered: true, occurred_at: ago(300) }),
    ...[0, 1, 2, 3, 4, 5, 6].map((day) =>
      enrichmentRun(`shot-run-${day}`, {
        added: 30 + ((day * 11) % 25),
        failed: day === 3 ? 2 : 0,
        started_at: ago(day * 1_440 + 500),
        finished_at: ago(day * 1_440 + 492),
        next_run_at: ago(day * 1_440 - 940),
      }),
    ),
  )
  await ask(requestFor(1234, { expires_in_seconds: 12 * 60 }))
  await ask(requestFor(1235, { tool_name: 'glpi_close_ticket', expires_in_seconds: 40 * 60 }))
  const views = {
    overview: '24h',
    support: '24h',
    sentinel: '24h',
    enrichisseur: '7d',
    safeguard: '7d',
  }
  for (const [name, range] of Object.entries(views)) {
    await page.goto(`/supervision/${name}?range=${range}`)
    await expect(page.locator('[data-feed="live"]')).toBeVisible()
    await page.waitForLoadState('networkidle')
    await page.screenshot({ path: `../docs/images/supervision-${name}.png`, fullPage: false })
  }
  await page.goto('/supervision/mur')
  await expect(page.locator('[data-feed="live"]')).toBeVisible()
  await page.waitForLoadState('networkidle')
  await page.screenshot({ path: '../docs/images/supervision-wall.png' })
})
