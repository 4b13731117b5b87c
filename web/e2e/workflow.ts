// The other side of an approval: a Python program over NATS, or a plain request over HTTP.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { request as requests, type Browser, type Page } from '@playwright/test'
import { password } from './platform'

function setting(name: string) {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: run scripts/journeys`)
  return value
}

export const client = { id: '42', name: 'EHPAD Les Jardins', critical: false }

export function requestFor(ticket: number, change: Record<string, unknown> = {}) {
  return {
    tool_name: 'ad_reset_password',
    arguments: { username: 'jean.dupont' },
    security_level: 'L3',
    context: {
      ticket_id: ticket,
      ticket_title: 'Reset MDP - Jean Dupont',
      ticket_description: 'L’utilisateur a oublié son mot de passe.',
      client_id: client.id,
      client_name: client.name,
      workflow: 'SUPPORT',
      confidence: 95,
    },
    expires_in_seconds: 3600,
    ...change,
  }
}

interface Asked {
  id: string
  reference: string
}
type Step =
  | ({ step: 'requested' } & Asked)
  | { step: 'decided'; status: string; words: string[] }
  | { step: 'reported'; detail: string }

/** The program, read step by step; a test that ends early ends it too. */
export class Workflow {
  private readonly process
  private readonly lines
  private complaints = ''

  constructor(request: Record<string, unknown>) {
    const command = ['e2e/workflow.py', JSON.stringify(request)]
    this.process = spawn(setting('GREFFE_PYTHON'), command, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.process.stderr.on('data', (said) => (this.complaints += String(said)))
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]()
  }

  async next<S extends Step['step']>(step: S): Promise<Extract<Step, { step: S }>> {
    const line = await this.lines.next()
    if (line.done) throw new Error(`the workflow ended before “${step}”: ${this.complaints}`)
    const said = JSON.parse(line.value) as Step
    if (said.step !== step) throw new Error(`expected “${step}”, the workflow says ${line.value}`)
    return said as Extract<Step, { step: S }>
  }

  async isOver() {
    return (await this.lines.next()).done === true
  }

  stop() {
    this.process.kill()
  }
}

/** A request of the service account, without anyone waiting for the decision. */
export async function ask(request: Record<string, unknown>): Promise<Asked> {
  const http = await requests.newContext({ baseURL: setting('GREFFE_URL') })
  const headers = { Authorization: `Bearer ${setting('GREFFE_KEY')}` }
  const answer = await http.post('/api/safeguard/requests', { data: request, headers })
  if (!answer.ok()) throw new Error(await answer.text())
  const asked = (await answer.json()) as Asked
  await http.dispose()
  return asked
}

/** A browser of his own for someone; the page has not gone anywhere yet. */
export async function browserOf(browser: Browser, username: string): Promise<Page> {
  const context = await browser.newContext()
  const credentials = { username, password: password() }
  const answer = await context.request.post('/api/auth/login', { data: credentials })
  if (!answer.ok()) throw new Error(await answer.text())
  return context.newPage()
}
