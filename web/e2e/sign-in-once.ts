import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { chromium, type FullConfig } from '@playwright/test'
import { launchOptions } from './browser'
import { expectMenu, sessionFile, signIn } from './platform'

export default async function signInOnce(config: FullConfig) {
  const browser = await chromium.launch(launchOptions)
  const page = await browser.newPage({
    baseURL: config.projects[0]?.use.baseURL,
    locale: 'fr-FR',
  })
  await page.goto('/sign-in')
  await signIn(page)
  await expectMenu(page)
  mkdirSync(dirname(sessionFile), { recursive: true })
  await page.context().storageState({ path: sessionFile })
  await browser.close()
}
