import type { QueryClient } from '@tanstack/react-query'
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router'
import { sessionQuery } from '@/api/auth'
import type { CurrentUser } from '@/api/types'
import { atLeast, mayReadAudit, mayReadEvents } from '@/lib/levels'
import { ClientsPage } from '@/features/clients/clients-page'
import { PendingPage } from '@/features/safeguard/pending-page'
import { SafeguardLayout } from '@/features/safeguard/safeguard-layout'
import { SignInPage } from '@/features/users/sign-in-page'
import { HomePage } from './home-page'
import { NotFound, PageError } from './problems'
import {
  alertSearch,
  alertsSearch,
  auditSearch,
  errorsSearch,
  historySearch,
  rejectedSearch,
  periodSearch,
  signInSearch,
  statisticsSearch,
  ticketsSearch,
  wallSearch,
} from './search'
import { Shell } from './shell'
import { WallShell } from './wall-shell'

const root = createRootRouteWithContext<{ client: QueryClient }>()({
  component: Outlet,
  notFoundComponent: NotFound,
})

const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: signInSearch,
  component: SignInPage,
})

interface Entering {
  context: { client: QueryClient }
  location: { href: string }
}

async function signedIn({ context, location }: Entering) {
  const person = await context.client.ensureQueryData(sessionQuery)
  if (!person) {
    const next = location.href === '/' ? undefined : location.href
    throw redirect({ to: '/sign-in', search: { next } })
  }
  context.client.setQueryData(['last-session'], person)
  return { person }
}

const app = createRoute({
  getParentRoute: () => root,
  id: 'app',
  beforeLoad: signedIn,
  component: Shell,
  errorComponent: PageError,
  notFoundComponent: NotFound,
})

const home = createRoute({ getParentRoute: () => app, path: '/', component: HomePage })

const safeguard = createRoute({
  getParentRoute: () => app,
  path: '/safeguard',
  beforeLoad: ({ context }) => {
    if (!atLeast(context.person, 'N1')) throw redirect({ to: '/' })
  },
  component: SafeguardLayout,
})

const safeguardIndex = createRoute({
  getParentRoute: () => safeguard,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/safeguard/pending' })
  },
})

const pending = createRoute({
  getParentRoute: () => safeguard,
  path: '/pending',
  component: PendingPage,
})

const history = createRoute({
  getParentRoute: () => safeguard,
  path: '/history',
  validateSearch: historySearch,
  component: lazyRouteComponent(() => import('@/features/safeguard/history-page'), 'HistoryPage'),
})

const statistics = createRoute({
  getParentRoute: () => safeguard,
  path: '/statistics',
  validateSearch: statisticsSearch,
  component: lazyRouteComponent(
    () => import('@/features/safeguard/statistics-page'),
    'StatisticsPage',
  ),
})

const tools = createRoute({
  getParentRoute: () => safeguard,
  path: '/tools',
  component: lazyRouteComponent(() => import('@/features/safeguard/tools-page'), 'ToolsPage'),
})

const clients = createRoute({
  getParentRoute: () => safeguard,
  path: '/clients',
  component: ClientsPage,
})

const approval = createRoute({
  getParentRoute: () => safeguard,
  path: '/$id',
  component: lazyRouteComponent(() => import('@/features/safeguard/detail-page'), 'DetailPage'),
})

const audit = createRoute({
  getParentRoute: () => app,
  path: '/audit',
  beforeLoad: ({ context }) => {
    if (!mayReadAudit(context.person)) throw redirect({ to: '/' })
  },
})

const auditTrail = createRoute({
  getParentRoute: () => audit,
  path: '/',
  validateSearch: auditSearch,
  component: lazyRouteComponent(() => import('@/features/audit/audit-page'), 'AuditPage'),
})

const auditChain = createRoute({
  getParentRoute: () => audit,
  path: '/chain/$correlationId',
  component: lazyRouteComponent(() => import('@/features/audit/chain-page'), 'ChainPage'),
})

const auditEntity = createRoute({
  getParentRoute: () => audit,
  path: '/$targetType/$targetId',
  component: lazyRouteComponent(() => import('@/features/audit/entity-page'), 'EntityPage'),
})

const events = createRoute({
  getParentRoute: () => app,
  path: '/events',
  beforeLoad: ({ context }) => {
    if (!mayReadEvents(context.person)) throw redirect({ to: '/' })
  },
  component: lazyRouteComponent(() => import('@/features/events/events-page'), 'EventsPage'),
})

const operations = createRoute({
  getParentRoute: () => app,
  path: '/operations',
  beforeLoad: ({ context }) => {
    if (!atLeast(context.person, 'N4')) throw redirect({ to: '/' })
  },
  component: lazyRouteComponent(
    () => import('@/features/operations/operations-page'),
    'OperationsPage',
  ),
})

interface Allowed {
  context: { person: CurrentUser }
}

function supervisorsOnly({ context }: Allowed) {
  if (!atLeast(context.person, 'N3')) throw redirect({ to: '/' })
}

const supervision = createRoute({
  getParentRoute: () => app,
  path: '/supervision',
  beforeLoad: supervisorsOnly,
  component: lazyRouteComponent(
    () => import('@/features/supervision/supervision-layout'),
    'SupervisionLayout',
  ),
})

const supervisionIndex = createRoute({
  getParentRoute: () => supervision,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/supervision/overview' })
  },
})

const overview = createRoute({
  getParentRoute: () => supervision,
  path: '/overview',
  validateSearch: periodSearch,
  component: lazyRouteComponent(
    () => import('@/features/supervision/overview-page'),
    'OverviewPage',
  ),
})

const support = createRoute({
  getParentRoute: () => supervision,
  path: '/support',
  validateSearch: periodSearch,
  component: lazyRouteComponent(() => import('@/features/supervision/support-page'), 'SupportPage'),
})

const sentinel = createRoute({
  getParentRoute: () => supervision,
  path: '/sentinel',
  validateSearch: periodSearch,
  component: lazyRouteComponent(
    () => import('@/features/supervision/sentinel-page'),
    'SentinelPage',
  ),
})

const enrichisseur = createRoute({
  getParentRoute: () => supervision,
  path: '/enrichisseur',
  validateSearch: periodSearch,
  component: lazyRouteComponent(
    () => import('@/features/supervision/enrichisseur-page'),
    'EnrichisseurPage',
  ),
})

const analytics = createRoute({
  getParentRoute: () => supervision,
  path: '/safeguard',
  validateSearch: periodSearch,
  component: lazyRouteComponent(
    () => import('@/features/supervision/safeguard-page'),
    'SafeguardPage',
  ),
})

const tickets = createRoute({
  getParentRoute: () => supervision,
  path: '/tickets',
  validateSearch: ticketsSearch,
  component: lazyRouteComponent(() => import('@/features/supervision/tickets-page'), 'TicketsPage'),
})

const alerts = createRoute({
  getParentRoute: () => supervision,
  path: '/alertes',
  validateSearch: alertsSearch,
  component: lazyRouteComponent(() => import('@/features/supervision/alerts-page'), 'AlertsPage'),
})

const alert = createRoute({
  getParentRoute: () => supervision,
  path: '/alertes/$id',
  validateSearch: alertSearch,
  component: lazyRouteComponent(() => import('@/features/supervision/alert-page'), 'AlertPage'),
})

const errors = createRoute({
  getParentRoute: () => supervision,
  path: '/erreurs',
  validateSearch: errorsSearch,
  component: lazyRouteComponent(() => import('@/features/supervision/errors-page'), 'ErrorsPage'),
})

const runs = createRoute({
  getParentRoute: () => supervision,
  path: '/runs',
  validateSearch: periodSearch,
  component: lazyRouteComponent(() => import('@/features/supervision/runs-page'), 'RunsPage'),
})

const activity = createRoute({
  getParentRoute: () => supervision,
  path: '/activite',
  component: lazyRouteComponent(
    () => import('@/features/supervision/activity-page'),
    'ActivityPage',
  ),
})

const health = createRoute({
  getParentRoute: () => supervision,
  path: '/sante',
  component: lazyRouteComponent(() => import('@/features/supervision/health-page'), 'HealthPage'),
})

const rejected = createRoute({
  getParentRoute: () => supervision,
  path: '/rejets',
  validateSearch: rejectedSearch,
  component: lazyRouteComponent(
    () => import('@/features/supervision/rejected-page'),
    'RejectedPage',
  ),
})

const rejectedFact = createRoute({
  getParentRoute: () => supervision,
  path: '/rejets/$sequence',
  validateSearch: rejectedSearch,
  component: lazyRouteComponent(
    () => import('@/features/supervision/rejected-fact-page'),
    'RejectedFactPage',
  ),
})

const maintenances = createRoute({
  getParentRoute: () => supervision,
  path: '/maintenances',
  component: lazyRouteComponent(
    () => import('@/features/supervision/maintenance-page'),
    'MaintenancePage',
  ),
})

const wall = createRoute({
  getParentRoute: () => root,
  id: 'wall',
  beforeLoad: signedIn,
  component: WallShell,
  errorComponent: PageError,
})

const wallPage = createRoute({
  getParentRoute: () => wall,
  path: '/supervision/mur',
  beforeLoad: supervisorsOnly,
  validateSearch: wallSearch,
  component: lazyRouteComponent(() => import('@/features/supervision/wall-page'), 'WallPage'),
})

const tree = root.addChildren([
  signIn,
  wall.addChildren([wallPage]),
  app.addChildren([
    home,
    safeguard.addChildren([safeguardIndex, pending, history, statistics, tools, clients, approval]),
    audit.addChildren([auditTrail, auditChain, auditEntity]),
    events,
    operations,
    supervision.addChildren([
      supervisionIndex,
      overview,
      support,
      sentinel,
      enrichisseur,
      analytics,
      tickets,
      alerts,
      alert,
      errors,
      runs,
      activity,
      health,
      rejected,
      rejectedFact,
      maintenances,
    ]),
  ]),
])

export function createAppRouter(client: QueryClient) {
  return createRouter({
    routeTree: tree,
    context: { client },
    defaultPreload: 'intent',
    scrollRestoration: true,
    defaultErrorComponent: PageError,
    defaultNotFoundComponent: NotFound,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>
  }
}
