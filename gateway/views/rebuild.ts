// Makes every view again from the log while the service runs. Twins are made beside the views and compared with them; reads go over to the twins;
// the views are dropped, made again and compared with the twins; reads come back, and the twins go. Names are in the end what they were.
//
// It can be killed at any point and run again: where reads go is in the log, and what a run left unfinished is dropped and made again.
import { randomUUID } from 'node:crypto'
import type { KsqlClient } from '../ksqldb/client.js'
import type { MigrationFile } from '../migrations/files.js'
import type { Names } from '../topics.js'
import { KsqlError } from '../ksqldb/errors.js'
import { heldMs, shapeOf, untilEqual, type Pair } from './compare.js'
import { sideNames, statementOf, viewsOf, type Side, type View } from './definitions.js'
import type { Holds } from './holds.js'
import type { ViewReads } from './reads.js'

export interface RebuildOptions {
  readonly ksqldb: Pick<KsqlClient, 'scan' | 'pull' | 'statement'>
  readonly reads: Pick<ViewReads, 'current' | 'switchTo'>
  readonly holds: Pick<Holds, 'ask'>
  readonly names: Names
  readonly files: readonly MigrationFile[]
  /** How long gateways are given to follow a switch before what they read until then is dropped, in milliseconds. */
  readonly graceMs: number
  readonly now: () => number
  /** A clock that only goes forward, in milliseconds. */
  readonly clock: () => number
  readonly wait: (ms: number) => Promise<void>
  readonly signal: AbortSignal
  readonly log: (message: string) => void
}

/** As SHOW QUERIES tells of it. */
interface RunningQuery { readonly id: string, readonly sinks: readonly string[] }

export class Rebuild {
  readonly #options: RebuildOptions
  readonly #views: readonly View[]
  readonly #viewNames: ReadonlySet<string>

  constructor (options: RebuildOptions) {
    this.#options = options
    this.#views = viewsOf(options.files)
    this.#viewNames = new Set(this.#views.map(({ name }) => name))
  }

  /** Resolves when every view has been made again, was found equal and is read. @returns the keys compared, by table. */
  async run (): Promise<ReadonlyMap<string, number>> {
    const { reads, log } = this.#options
    if (await reads.current() === 'standing') {
      await this.#make('twin')
      await this.#untilEqual()
      await this.#switchTo('twin')
    } else {
      log('an earlier run was not finished: reads go to the twins already')
    }
    await this.#make('standing')
    const compared = await this.#untilEqual()
    await this.#switchTo('standing')
    await this.#drop('twin')
    return compared
  }

  #names (side: Side): Names {
    return sideNames(this.#options.names, this.#viewNames, side)
  }

  /** Whatever there is of a side goes first. */
  async #make (side: Side): Promise<void> {
    await this.#drop(side)
    const names = this.#names(side)
    for (const view of this.#views) {
      this.#options.signal.throwIfAborted()
      await this.#options.ksqldb.statement(statementOf(view, this.#options.files, names), view.properties)
    }
    this.#options.log(`${this.#views.length} ${side === 'twin' ? 'twins' : 'views'} made`)
  }

  /**
   * Each view's query is ended before its topic goes. DROP … DELETE TOPIC alone deletes the topic first (ksqlDB 7.9, TopicDeleteInjector): a query that has
   * just written to it then waits at its last commit for a topic that never comes, and the DROP for the query, five minutes long.
   */
  async #drop (side: Side): Promise<void> {
    const { ksqldb } = this.#options
    const names = this.#names(side)
    const queries = await this.#queries()
    for (const { name, kind } of [...this.#views].reverse()) {
      const writing = queries.filter(({ sinks }) => sinks.includes(names.ksql(name).toUpperCase()))
      for (const { id } of writing) await ksqldb.statement(`TERMINATE ${id};`)
      await ksqldb.statement(`DROP ${kind.toUpperCase()} IF EXISTS ${names.ksql(name)} DELETE TOPIC;`)
    }
  }

  /** The queries that run, as far as a CREATE … AS of ksql/ may have made them. */
  async #queries (): Promise<readonly RunningQuery[]> {
    const [entity] = await this.#options.ksqldb.statement('SHOW QUERIES;') as unknown as readonly { readonly queries: readonly RunningQuery[] }[]
    return (entity?.queries ?? []).filter(({ id }) => /^\w+$/.test(id))
  }

  async #untilEqual (): Promise<ReadonlyMap<string, number>> {
    const { ksqldb, wait, clock, signal, log } = this.#options
    const compared = new Map<string, number>()
    const pairs: Pair[] = []
    for (const { name } of this.#views.filter(({ kind }) => kind === 'table')) {
      const [one, other] = [this.#names('standing').ksql(name), this.#names('twin').ksql(name)]
      pairs.push({ name, one, other, shape: await shapeOf(ksqldb, one) })
    }
    const onEqual = ({ name }: Pair, keys: number): void => {
      compared.set(name, keys)
      log(`${name}: equal, ${keys} keys`)
    }
    await untilEqual({ ksqldb, wait, now: clock, signal, held: async during => await this.#held(during), onEqual }, pairs)
    return compared
  }

  /** Has visits held back meanwhile. Gateways that do not know holds go on as they were. */
  async #held (during: () => Promise<void>): Promise<void> {
    const { log } = this.#options
    const [id, seconds] = [randomUUID(), heldMs / 1_000]
    try {
      await this.#ask(id, seconds)
    } catch (error) {
      if (!(error instanceof KsqlError)) throw error
      log(`visits cannot be held back: ${error.message}`)
      return
    }
    log(`visits are held back for ${seconds} s at most`)
    try {
      await during()
    } finally {
      await this.#ask(id, 0).catch((error: unknown) => log(`visits are held back until that time is up: ${String(error)}`))
    }
  }

  async #ask (id: string, seconds: number): Promise<void> {
    await this.#options.holds.ask({ id, seconds }, new Date(this.#options.now()).toISOString())
  }

  async #switchTo (side: Side): Promise<void> {
    await this.#options.reads.switchTo(side, new Date(this.#options.now()).toISOString())
    this.#options.log(`reads go to the ${side === 'twin' ? 'twins' : 'views'}`)
    await this.#options.wait(this.#options.graceMs)
  }
}
