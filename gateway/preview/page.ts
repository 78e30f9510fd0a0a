// The preview page of a link: what a visitor should know before following it. One HTML text without scripts, everything of the link's escaped.
import { createHash } from 'node:crypto'
import type { LinkDoc } from '../events/link-event.js'

export type PreviewState = 'active' | 'not_yet' | 'expired' | 'disabled' | 'deleted' | 'exhausted' | 'blocked'

export interface Preview {
  readonly shortUrl: string
  /** Path of the link, and of its QR code. */
  readonly path: string
  readonly state: PreviewState
  readonly createdAt: number
  readonly doc: Pick<LinkDoc, 'url' | 'title' | 'valid_from' | 'valid_until' | 'forward_query' | 'rules'>
}

const style = `:root{color-scheme:light dark;--ink:#1c1e21;--soft:#62666d;--line:#e2e4e8;--card:#fff;--ground:#f4f5f7;--accent:#1f5fd0;--good:#1a7f3c;--bad:#b3261e}
@media(prefers-color-scheme:dark){:root{--ink:#eceef1;--soft:#a3a8b0;--line:#343940;--card:#1d2024;--ground:#131518;--accent:#7fb0ff;--good:#5fd38a;--bad:#ff8a80}}
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1.5rem;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{width:100%;max-width:36rem;background:var(--card);border:1px solid var(--line);border-radius:14px;padding:1.75rem;box-shadow:0 8px 30px rgba(0,0,0,.06)}
header{display:flex;justify-content:space-between;gap:1rem;align-items:flex-start}h1{font-size:1.35rem;line-height:1.3;margin:.6rem 0 .25rem;overflow-wrap:anywhere}
p{margin:.25rem 0;color:var(--soft)}.short{font-weight:600;color:var(--ink);overflow-wrap:anywhere}
.state{display:inline-block;font-size:.8rem;font-weight:600;padding:.15rem .6rem;border-radius:99px;border:1px solid currentColor}.good{color:var(--good)}.bad{color:var(--bad)}
img{width:104px;height:104px;border-radius:8px;background:#fff;flex:none}
dl{margin:1.25rem 0 0;border-top:1px solid var(--line)}dt{margin-top:.9rem;font-size:.8rem;color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
dd b{color:var(--ink)}.url{font-family:ui-monospace,monospace;font-size:.88rem;color:var(--soft)}ul{margin:.25rem 0 0;padding-left:1.2rem}
.go{display:inline-block;margin-top:1.5rem;padding:.65rem 1.2rem;border-radius:9px;background:var(--accent);color:var(--card);font-weight:600;text-decoration:none}
.go:focus-visible{outline:3px solid var(--accent);outline-offset:2px}`

/** What the page may load: its own style, and the QR code from the service itself. */
export const previewPolicy = [
  "default-src 'none'", `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`, "img-src 'self'", "base-uri 'none'", "form-action 'none'",
  "frame-ancestors 'none'"
].join('; ')

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

/** Text as it may stand in an element or a quoted attribute. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, char => entities[char] as string)

const words: Readonly<Record<PreviewState, readonly [label: string, detail: string]>> = {
  active: ['Active', 'This link works. Nothing was opened yet.'],
  not_yet: ['Not yet valid', 'This link is not valid yet.'],
  expired: ['Expired', 'This link was valid for a time that is over.'],
  disabled: ['Switched off', 'This link is switched off.'],
  deleted: ['Deleted', 'This link was deleted.'],
  exhausted: ['Used up', 'This link has had all its visits.'],
  blocked: ['Blocked', 'This link is blocked by whoever runs this service.']
}

const page = (title: string, body: string): string =>
  '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width,initial-scale=1">\n<meta name="robots" content="noindex">\n' +
  `<title>${escapeHtml(title)}</title>\n<style>${style}</style>\n</head>\n<body>\n<main>\n${body}\n</main>\n</body>\n</html>\n`

const target = (url: string): string => `<b>${escapeHtml(new URL(url).host)}</b><br><span class="url">${escapeHtml(url)}</span>`

const instant = (ms: number): string => {
  const iso = new Date(ms).toISOString()
  return `<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`
}

const rows = ({ doc, createdAt, state }: Preview): string => {
  const hosts = [...new Set(doc.rules.map(({ url }) => url))]
  return [
    ['Leads to', target(doc.url)],
    hosts.length === 0 ? [] : ['For some visitors it leads elsewhere', `<ul>${hosts.map(url => `<li>${target(url)}</li>`).join('')}</ul>`],
    doc.forward_query ? ['Parameters', 'What stands behind the ? of the short link goes along'] : [],
    doc.valid_from !== null && state === 'not_yet' ? ['Valid from', instant(doc.valid_from)] : [],
    doc.valid_until === null ? [] : ['Valid until', instant(doc.valid_until)],
    ['Made', instant(createdAt)]
  ].filter(row => row.length > 0).map(([term, detail]) => `<dt>${term}</dt><dd>${detail}</dd>`).join('\n')
}

/** The page of a link. Of one that was deleted or is blocked it does not say where it led. */
export const previewPage = (preview: Preview): string => {
  const { doc, path, shortUrl, state } = preview
  const [label, detail] = words[state]
  const isShown = state !== 'deleted' && state !== 'blocked'
  const heading = isShown ? doc.title ?? `A link to ${new URL(doc.url).host}` : 'A link that is gone'
  const shown = shortUrl.replace(/^https?:\/\//, '')
  return page(`${shown} – preview`, [
    '<header>',
    `<div><span class="state ${state === 'active' ? 'good' : 'bad'}">${label}</span>`,
    `<h1>${escapeHtml(heading)}</h1>`,
    `<p class="short">${escapeHtml(shown)}</p><p>${detail}</p></div>`,
    isShown ? `<img src="${escapeHtml(path)}/qr" width="104" height="104" alt="QR code of this link">` : '',
    '</header>',
    isShown ? `<dl>\n${rows(preview)}\n</dl>` : '',
    state === 'active' ? `<a class="go" href="${escapeHtml(path)}" rel="nofollow noreferrer">Follow the link</a>` : ''
  ].filter(line => line !== '').join('\n'))
}

/** The page for a slug that no link has. */
export const unknownPage = (): string =>
  page('No such link', '<span class="state bad">Unknown</span>\n<h1>There is no such link</h1>\n<p>It may have been mistyped: capital and small letters count.</p>')
