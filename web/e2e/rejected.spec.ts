// Facts that could not be accepted, one by one and many at once. What others published is left alone.
import { expect, test, type Page } from '@playwright/test'
import { expectNoSidewaysScroll } from './accessible'
import { alert, publish, type Fact } from './facts'
import { sessionFile } from './platform'

test.use({ storageState: sessionFile })

/** Of this run, to find its facts among others. */
const run = `e2e-${Date.now() % 1_000_000}`

interface Rejected {
  items: { sequence: number; body: string }[]
  total: number
  last_sequence: number
}

async function rejected(page: Page, code: string): Promise<Rejected> {
  const answer = await page.request.get(`/api/intake/rejected?limit=200&code=${code}`)
  return (await answer.json()) as Rejected
}

/** The number of the refused fact that says this. */
async function sequenceOf(page: Page, text: string): Promise<number> {
  let found: number | undefined
  await expect(async () => {
    const { items } = await rejected(page, 'invalid')
    found = items.find(({ body }) => body.includes(text))?.sequence
    expect(found).toBeDefined()
  }).toPass()
  return found ?? 0
}

const link = (page: Page, sequence: number) =>
  page.locator(`a[href^="/supervision/rejets/${sequence}?"]`)

test('a rejected fact is corrected and resubmitted, another one is discarded', async ({ page }) => {
  const device = `SWITCH-${run}`
  await publish(alert(run, device, { severity: 'urgent' }))
  await publish(['sentinel.alert', `pas du JSON ${run} <b>gras</b>`])
  const wrong = await sequenceOf(page, device)
  const unreadable = await sequenceOf(page, `pas du JSON ${run}`)

  await page.goto('/supervision/rejets?code=invalid')
  await link(page, wrong).click()
  const body = page.getByLabel('Ce qui a été publié')
  await expect(body).toHaveValue(new RegExp(`"device": "${device}"`))
  await body.fill((await body.inputValue()).replace('urgent', 'critical'))
  await page.getByRole('button', { name: 'Corriger et renvoyer' }).click()
  await expect(page.getByText('Fait renvoyé')).toBeVisible()
  // Back among those of the same kind.
  await expect(page).toHaveURL(/rejets\?code=invalid/)
  await expect(link(page, wrong)).toHaveCount(0)

  await link(page, unreadable).click()
  await expect(body).toHaveValue(`pas du JSON ${run} <b>gras</b>`)
  await page.getByRole('button', { name: 'Écarter' }).click()
  await page.getByRole('dialog').getByLabel('Motif').fill('Essai d’un atelier')
  await page.getByRole('dialog').getByRole('button', { name: 'Écarter' }).click()
  await expect(page).toHaveURL(/rejets\?code=invalid/)
  await expect(link(page, unreadable)).toHaveCount(0)

  await page.goto(`/supervision/alertes?q=${device}`)
  await expect(page.getByRole('link', { name: device })).toBeVisible()
})

const MANY = 300

test('many are resubmitted, come back, and are discarded on a phone', async ({ page }) => {
  // Only this journey publishes where nothing is expected.
  const facts = Array.from({ length: MANY }, (_, n): Fact => [`nothing.${run}`, { n }])
  const { total: before } = await rejected(page, 'unknown_subject')
  await publish(...facts)
  const total = before + MANY
  const now = () => rejected(page, 'unknown_subject')
  await expect.poll(async () => (await now()).total).toBe(total)
  const { last_sequence: last } = await now()

  await page.goto('/supervision/rejets')
  const why = page.getByLabel('Cause du refus')
  await expect(why.getByRole('option', { name: `Sujet inconnu (${total})` })).toBeAttached()
  await why.selectOption('unknown_subject')
  await expect(page).toHaveURL(/code=unknown_subject/)
  const head = page.getByText(`${total} faits`, { exact: true })
  await expect(head).toBeVisible()

  await page.getByRole('button', { name: 'Renvoyer tout' }).click()
  const dialog = page.getByRole('dialog')
  await expect(dialog).toContainText('Cause : Sujet inconnu')
  await dialog.getByRole('button', { name: `Renvoyer ${total} faits` }).click()
  await expect(dialog).toContainText(`${total} faits renvoyés`)
  await dialog.getByRole('button', { name: 'Fermer' }).last().click()
  // The platform still does not know what they are about: each comes back as a new one.
  await expect.poll(async () => (await now()).last_sequence).toBeGreaterThanOrEqual(last + total)
  await expect.poll(async () => (await now()).total).toBe(total)

  await page.setViewportSize({ width: 375, height: 812 })
  await page.goto('/supervision/rejets?code=unknown_subject')
  await expect(head).toBeVisible()
  await expectNoSidewaysScroll(page, 375)
  await page.getByRole('button', { name: 'Écarter tout' }).click()
  // What comes while somebody thinks is not part of the decision.
  await expect(dialog).toContainText(`Écarter ${total} faits ?`)
  await publish([`nothing.${run}`, { n: 'later' }])
  await dialog.getByRole('button', { name: `Écarter ${total} faits` }).click()
  await expect(dialog.getByText('Un motif est nécessaire.')).toBeVisible()
  const reason = `Robot mal réglé ${run}`
  await dialog.getByLabel('Motif').fill(reason)
  await dialog.getByRole('button', { name: `Écarter ${total} faits` }).click()
  await expect(dialog).toContainText(`${total} faits écartés`)
  await dialog.getByRole('button', { name: 'Fermer' }).last().click()
  await expect(page.getByText('1 fait', { exact: true })).toBeVisible()
  await expect.poll(async () => (await now()).total).toBe(1)

  const trail = await page.request.get(`/api/users/audit?q=${encodeURIComponent(reason)}`)
  const { items } = (await trail.json()) as { items: { action: string }[] }
  expect(items[0]?.action).toBe('operations.rejected_fact.discarded')
})
