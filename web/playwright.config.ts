import { defineConfig } from '@playwright/test'
import { launchOptions } from './e2e/browser'

// Journeys against a running platform: GREFFE_URL and GREFFE_ADMIN_PASSWORD say which.
export default defineConfig({
  testDir: 'e2e',
  fullyParallel: false,
  workers: 1,
  // What passes only then is told as `flaky` (docs/decisions/0014-a-second-run.md).
  retries: 1,
  forbidOnly: true,
  // Bounds, not measures: on a busy machine each step may take long.
  timeout: 180_000,
  expect: { timeout: 30_000 },
  reporter: [['list']],
  outputDir: 'test-results',
  globalSetup: './e2e/sign-in-once.ts',
  use: {
    baseURL: process.env.GREFFE_URL ?? 'http://127.0.0.1:3002',
    browserName: 'chromium',
    headless: true,
    locale: 'fr-FR',
    timezoneId: 'Europe/Paris',
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    launchOptions,
  },
})
