// A link in memory and the rule by which commands change it, told in plain code apart from the gateway: what the property test holds it against.

export interface ModelEdit { eventId: string, effectiveAt: string, changes: Record<string, unknown> }
export interface ModelLink { fields: Record<string, unknown>, scheduled: ModelEdit[] }

export type ModelCommand =
  | { kind: 'create', fields: Record<string, unknown> }
  | { kind: 'edit', fields: Record<string, unknown>, effectiveAt?: string }
  | { kind: 'disable' | 'enable' | 'delete' | 'restore' }
  | { kind: 'revert', version: number }
  | { kind: 'cancel', eventId: string }

const defaults: Record<string, unknown> = {
  title: null, tags: [], validFrom: null, validUntil: null, maxVisits: null, redirectStatus: 302, forwardQuery: false, rules: []
}

const patched = (fields: Record<string, unknown>, patch: Record<string, unknown>): Record<string, unknown> =>
  ({ ...fields, ...Object.fromEntries(Object.entries(patch).map(([name, value]) => [name, value ?? defaults[name]])) })

/** The link at an instant: scheduled edits take effect in the order of their instants. */
export function settled (link: ModelLink, at: number): ModelLink {
  const inOrder = [...link.scheduled].sort((a, b) => Date.parse(a.effectiveAt) - Date.parse(b.effectiveAt))
  const due = inOrder.filter(({ effectiveAt }) => Date.parse(effectiveAt) <= at)
  const scheduled = inOrder.slice(due.length)
  return { fields: due.reduce((fields, { changes }) => patched(fields, changes), link.fields), scheduled }
}

export type Verdict = { link: ModelLink } | 'unchanged' | { refused: string }

/** What a command makes of a link (undefined: of none) at an instant. `versions`: the link at each version that it had, from 1. */
export function decide (link: ModelLink | undefined, command: ModelCommand, at: number, eventId: string, versions: readonly ModelLink[]): Verdict {
  if (command.kind === 'create') {
    if (link !== undefined) return { refused: 'slug_taken' }
    return { link: { fields: { ...patched({ ...defaults, enabled: true, deleted: false }, command.fields) }, scheduled: [] } }
  }
  if (link === undefined) return { refused: 'link_not_found' }
  const now = settled(link, at)
  if (command.kind === 'revert' && versions[command.version - 1] === undefined) return { refused: 'validation_failed' }
  if (now.fields['deleted'] === true && command.kind !== 'delete' && command.kind !== 'restore') return { refused: 'link_deleted' }
  if (command.kind === 'cancel') {
    const scheduled = now.scheduled.filter(edit => edit.eventId !== command.eventId)
    return scheduled.length === now.scheduled.length ? { refused: 'scheduled_edit_not_found' } : { link: { ...now, scheduled } }
  }
  if (command.kind === 'edit' && command.effectiveAt !== undefined) {
    if (Date.parse(command.effectiveAt) <= at) return { refused: 'validation_failed' }
    if (now.scheduled.length >= 20) return { refused: 'schedule_full' }
    const edit = { eventId, effectiveAt: command.effectiveAt, changes: patched({}, command.fields) }
    return { link: settled({ ...now, scheduled: [...now.scheduled, edit] }, at) }
  }
  const fields = fieldsAfter(now.fields, command, versions)
  return JSON.stringify(fields) === JSON.stringify(now.fields) ? 'unchanged' : { link: { ...now, fields } }
}

function fieldsAfter (fields: Record<string, unknown>, command: ModelCommand, versions: readonly ModelLink[]): Record<string, unknown> {
  switch (command.kind) {
    case 'edit': return patched(fields, command.fields)
    case 'disable': return { ...fields, enabled: false }
    case 'enable': return { ...fields, enabled: true }
    case 'delete': return { ...fields, deleted: true }
    case 'restore': return { ...fields, deleted: false }
    case 'revert': return { ...fields, ...versions[command.version - 1]?.fields, deleted: false }
    default: throw new Error(command.kind)
  }
}

/** The same fields of an answer of the API. */
export function modelOf (answer: Record<string, any>): ModelLink {
  const names = ['url', 'enabled', 'deleted', ...Object.keys(defaults)]
  return { fields: Object.fromEntries(names.map(name => [name, answer[name]])), scheduled: answer['scheduled'] }
}
