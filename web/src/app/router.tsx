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
import { atLeast, mayReadAudit, mayReadEvents } from '@/lib/levels'
import { ClientsPage } from '@/features/clients/clients-page'
import { PendingPage } from '@/features/safeguard/pending-page'
import { SafeguardLayout } from '@/features/safeguard/safeguard-layout'
import { SignInPage } from '@/features/users/sign-in-page'
import { HomePage } from './home-page'
import { NotFound, PageError } from './problems'
import { auditSearch, historySearch, signInSearch, statisticsSearch } from './search'
import { Shell } from './shell'

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

const app = createRoute({
  getParentRoute: () => root,
  id: 'app',
  beforeLoad: async ({ context, location }) => {
    const person = await context.client.ensureQueryData(sessionQuery)
    if (!person) {
      const next = location.href === '/' ? undefined : location.href
      throw redirect({ to: '/sign-in', search: { next } })
    }
    context.client.setQueryData(['last-session'], person)
    return { person }
  },
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

const tree = root.addChildren([
  signIn,
  app.addChildren([
    home,
    safeguard.addChildren([safeguardIndex, pending, history, statistics, tools, clients, approval]),
    audit.addChildren([auditTrail, auditChain, auditEntity]),
    events,
    operations,
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
