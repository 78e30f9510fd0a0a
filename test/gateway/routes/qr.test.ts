// QR codes, read again by another library than the one that draws them.
import t from 'tap'
import { paintSvg, readPng, readQr } from '../../helpers/qr.js'
import { startRoutes } from './support.js'

t.test('as SVG and as PNG, in any size, margin, colour and level', async t => {
  const { call } = await startRoutes(t)
  await call('POST', '/api/links', { url: 'https://example.com/a', slug: 'AbC' })
  const svg = await call('GET', '/AbC/qr')
  t.match(svg, { status: 200, headers: { 'content-type': 'image/svg+xml', 'cache-control': /public/, vary: 'accept', etag: /^"[\w-]{22}"$/ } })
  t.equal(readQr(paintSvg(svg.text)), 'https://go.example/AbC')
  for (const query of ['', '&size=64', '&size=1024&margin=0', '&margin=16', '&color=00008b&background=fffff0', '&color=000000ff&background=ffffff00', '&level=L', '&level=H']) {
    const png = await call('GET', `/AbC/qr?format=png${query}`)
    t.match(png, { status: 200, headers: { 'content-type': 'image/png' } }, query)
    const picture = readPng(png.bytes)
    t.equal(picture.width, Number(/size=(\d+)/.exec(query)?.[1] ?? 256), 'as wide as asked')
    if (!query.includes('margin=0') && !query.includes('ffffff00')) t.equal(readQr(picture), 'https://go.example/AbC', query)
  }
  const blue = readPng((await call('GET', '/AbC/qr?format=png&color=0000ff&background=ffff00&margin=4')).bytes)
  t.strictSame([...blue.data.subarray(0, 4)], [255, 255, 0, 255], 'the margin has the background')
  t.ok(blue.data.some((_, index) => index % 4 === 2 && blue.data[index] === 255 && blue.data[index - 1] === 0), 'and the code its colour')
})

t.test('Accept chooses where format does not; what has not changed is a 304', async t => {
  const { call } = await startRoutes(t)
  await call('POST', '/api/links', { url: 'https://example.com/a', slug: 'a' })
  const typeOf = async (accept: string, query = '') => (await call('GET', `/a/qr${query}`, undefined, { accept })).headers['content-type']
  t.equal(await typeOf('image/png'), 'image/png')
  t.equal(await typeOf('image/svg+xml;q=0.5, image/png'), 'image/png')
  t.equal(await typeOf('image/avif,image/webp,image/*,*/*;q=0.8'), 'image/svg+xml')
  t.equal(await typeOf('text/html'), 'image/svg+xml')
  t.equal(await typeOf('image/png', '?format=svg'), 'image/svg+xml')
  const { headers } = await call('GET', '/a/qr?size=100')
  const tag = String(headers['etag'])
  t.match(await call('GET', '/a/qr?size=100', undefined, { 'if-none-match': `"x", W/${tag}` }), { status: 304, text: '', headers: { etag: tag } })
  t.match(await call('GET', '/a/qr?size=101', undefined, { 'if-none-match': tag }), { status: 200 })
  t.match(await call('HEAD', '/a/qr?size=100'), { status: 200, text: '', headers: { etag: tag } })
})

t.test('bounds, unknown links, and no visit', async t => {
  const { call, log, recorded } = await startRoutes(t)
  await call('POST', '/api/links', { url: 'https://example.com/a', slug: 'a' })
  for (const [query, pointer] of [['size=63', 'size'], ['size=1025', 'size'], ['size=big', 'size'], ['margin=17', 'margin'], ['margin=-1', 'margin'], ['color=red', 'color'],
    ['background=%23ffffff', 'background'], ['level=X', 'level'], ['format=gif', 'format'], ['colour=000000', 'colour']] as const) {
    t.match(await call('GET', `/a/qr?${query}`), { status: 400, body: { code: 'invalid_request', errors: [{ pointer: new RegExp(pointer) }] } }, query)
  }
  t.match(await call('GET', '/nothing/qr'), { status: 404, body: { code: 'link_not_found' } })
  t.match(await call('GET', '/api/qr'), { status: 404, body: { code: 'not_found' } })
  const event = log.events[0]?.event
  if (event === undefined) throw new Error('no event')
  log.append('gone', { ...event, doc: { ...event.doc, deleted: true } })
  t.match(await call('GET', '/gone/qr'), { status: 410, body: { code: 'link_deleted' } })
  t.strictSame(recorded, [])
})
