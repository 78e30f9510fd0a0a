// app.views: under which names the views are read now. While they are made again, reads go to twins (views/rebuild.ts); every gateway follows.
import fp from 'fastify-plugin'
import type { Names } from '../topics.js'
import type { MigrationFile } from '../migrations/files.js'
import { sideNames, viewsOf, type Side } from '../views/definitions.js'
import { ViewReads } from '../views/reads.js'
import { follow } from './follow.js'

/** The names to read by: they change at a switch, so they are asked for at each use. */
export interface ViewNames extends Names {
  /** @returns whether that was a change. */
  readFrom (side: Side): boolean
}

export const viewNames = (names: Names, views: ReadonlySet<string>): ViewNames => {
  const bySide: Readonly<Record<Side, Names>> = { standing: names, twin: sideNames(names, views, 'twin') }
  let now: Side = 'standing'
  return {
    ...names,
    ksql: name => bySide[now].ksql(name),
    readFrom: side => {
      const changes = side !== now
      now = side
      return changes
    }
  }
}

declare module 'fastify' {
  interface FastifyInstance { views: ViewNames }
}

export const viewsPlugin = fp<{ names: Names, files: readonly MigrationFile[] }>(async (app, { names, files }) => {
  const views = viewNames(names, new Set(viewsOf(files).map(({ name }) => name)))
  const reads = new ViewReads(app.ksqldb, names)
  views.readFrom(await reads.current())
  app.decorate('views', views)
  follow(app, 'where reads go: they stay where they are', async () => {
    // who follows a view by push query begins anew under its new name
    if (views.readFrom(await reads.current())) app.ksqldb.breakPushes()
  })
}, { name: 'views', dependencies: ['ksqldb'] })
