// What a key may do, and which routes ask for what: the one place that says who may call a route. A route that is not here asks for admin.

export const scopes = ['links:read', 'links:write', 'visits:read', 'ksql:read', 'admin'] as const
export type Scope = typeof scopes[number]

/**
 * How a key that is restricted to domains or tags meets a route:
 * link: the route is about one link, which must be among the key's; body: it makes the link that its body describes;
 * own: the handler keeps to the key's links by itself; never: the route looks over all links, and such a key is refused.
 */
export type Reach = 'link' | 'body' | 'own' | 'never'

export interface Access { readonly scope: Scope, readonly reach: Reach }

const access = (scope: Scope, reach: Reach = 'never'): Access => ({ scope, reach })

/** Everything outside /api is for visitors and machines that watch; these few inside are open too. */
export const openRoutes: ReadonlySet<string> = new Set(['GET /api/openapi.json'])

export const routeAccess: Readonly<Record<string, Access>> = {
  'POST /api/links': access('links:write', 'body'),
  'GET /api/links': access('links:read', 'own'),
  'POST /api/links/bulk': access('links:write', 'own'),
  'GET /api/links/:link': access('links:read', 'link'),
  'PATCH /api/links/:link': access('links:write', 'link'),
  'DELETE /api/links/:link': access('links:write', 'link'),
  'POST /api/links/:link/disable': access('links:write', 'link'),
  'POST /api/links/:link/enable': access('links:write', 'link'),
  'POST /api/links/:link/restore': access('links:write', 'link'),
  'POST /api/links/:link/revert': access('links:write', 'link'),
  'GET /api/links/:link/scheduled': access('links:read', 'link'),
  'DELETE /api/links/:link/scheduled/:eventId': access('links:write', 'link'),
  'GET /api/links/:link/revisions': access('links:read', 'link'),
  'GET /api/links/:link/events/:eventId': access('links:read', 'link'),
  'GET /api/links/:link/visits': access('visits:read', 'link'),
  'GET /api/links/:link/visits/events': access('visits:read', 'link'),
  'GET /api/links/:link/visits/live': access('visits:read', 'link'),
  'GET /api/links/:link/verify': access('visits:read', 'link'),
  'DELETE /api/links/:link/visits': access('links:write', 'link'),
  'GET /api/visits': access('visits:read', 'own'),
  'GET /api/visits/live': access('visits:read', 'own'),
  'POST /api/erasures': access('admin'),
  'GET /api/erasures': access('admin'),
  'GET /api/orphans': access('visits:read'),
  'GET /api/analytics': access('visits:read'),
  'POST /api/links/:link/rules/try': access('links:read', 'link'),
  'GET /api/domains': access('links:read'),
  'GET /api/domains/:host': access('links:read'),
  'PUT /api/domains/:host': access('admin'),
  'DELETE /api/domains/:host': access('admin'),
  'GET /api/events': access('links:read', 'own'),
  'POST /api/ksql': access('ksql:read'),
  'GET /api/export/links': access('links:read', 'own'),
  'GET /api/export/revisions': access('links:read', 'own'),
  'GET /api/export/visits': access('visits:read', 'own'),
  'POST /api/webhooks': access('admin'),
  'GET /api/webhooks': access('admin'),
  'GET /api/webhooks/:id': access('admin'),
  'DELETE /api/webhooks/:id': access('admin'),
  'POST /api/webhooks/:id/secret': access('admin'),
  'POST /api/webhooks/:id/enable': access('admin'),
  'POST /api/webhooks/:id/redeliver': access('admin'),
  'POST /api/keys': access('admin'),
  'GET /api/keys': access('admin'),
  'GET /api/keys/:id': access('admin'),
  'DELETE /api/keys/:id': access('admin')
}

/** What a route asks for: undefined where it is open to all. */
export const accessOf = (method: string, url: string): Access | undefined => {
  if (url !== '/api' && !url.startsWith('/api/')) return undefined
  // a HEAD tells no more than the GET that it comes from
  if (url === '/api/docs' || url.startsWith('/api/docs/')) return undefined // the reference page
  const route = `${method === 'HEAD' ? 'GET' : method} ${url}`
  return openRoutes.has(route) ? undefined : routeAccess[route] ?? access('admin')
}

/** Whether a key's scopes give this one: admin gives all. */
export const grants = (held: readonly string[], scope: Scope): boolean => held.includes(scope) || held.includes('admin')
