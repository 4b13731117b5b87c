// Not a test: draws docs/images/supervision-*.png from a platform that has had a day, or better a week:
//   greffe simulate --day 2026-03-23 --seed 2    # and the days after it, each with a seed of its own
//   greffe simulate --compress 24h:1m            # the 24 hours that end now; then decide some requests
//   npx playwright test --config e2e/screenshots/playwright.config.ts
import { expect, test } from '@playwright/test'
import { sessionFile } from '../platform'

test.use({
  storageState: sessionFile,
  viewport: { width: 1440, height: 900 },
  colorScheme: 'light',
  reducedMotion: 'reduce',
})

const views = {
  overview: '24h',
  support: '24h',
  sentinel: '24h',
  enrichisseur: '7d',
  safeguard: '7d',
}

test('the five dashboards', async ({ page }) => {
  for (const [name, range] of Object.entries(views)) {
    await page.goto(`/supervision/${name}?range=${range}`)
    await expect(page.locator('[data-feed="live"]')).toBeVisible()
    await page.waitForLoadState('networkidle')
    await page.screenshot({ path: `../docs/images/supervision-${name}.png`, fullPage: false })
  }
})

test('the wall', async ({ page }) => {
  await page.goto('/supervision/mur')
  await expect(page.locator('[data-feed="live"]')).toBeVisible()
  // Its controls go away when nobody stirs.
  const controls = page.getByRole('link', { name: 'Quitter le mode mural' }).locator('..')
  await expect(controls).toHaveCSS('opacity', '0')
  await page.screenshot({ path: '../docs/images/supervision-wall.png' })
})
