import { defineConfig } from '@playwright/test'
import base from '../../playwright.config'

// Draws pictures for the documentation; the journeys do not run it.
export default defineConfig({
  ...base,
  testDir: '.',
  testMatch: '*.shots.ts',
  globalSetup: '../sign-in-once.ts',
})
