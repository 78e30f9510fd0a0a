// app.health: whether Kafka, the registry and ksqlDB answer and the migrations stand.
import fp from 'fastify-plugin'
import { request } from 'undici'
import type { Config, StackAddresses } from '../config.js'

export interface Readiness { readonly ready: boolean, readonly checks: Readonly<Record<'kafka' | 'schemaRegistry' | 'ksqldb' | 'migrations', string>> }

declare module 'fastify' {
  interface FastifyInstance { health: () => Promise<Readiness> }
}

const checkTimeoutMs = 3_000
const believedMs = 1_000

const outcome = async (check: Promise<unknown>): Promise<string> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${checkTimeoutMs} ms`)), checkTimeoutMs)
  })
  try {
    await Promise.race([check, late])
    return 'ok'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  } finally {
    clearTimeout(timer)
  }
}

const registryAnswers = async (config: Config, stack: StackAddresses): Promise<void> => {
  const credentials = config.schemaRegistryCredentials
  const authorization = credentials === undefined ? undefined : `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`
  const { statusCode, body } = await request(`${stack.schemaRegistryUrl}/config`, {
    headers: authorization === undefined ? {} : { authorization },
    headersTimeout: checkTimeoutMs
  })
  await body.dump()
  if (statusCode !== 200) throw new Error(`HTTP ${statusCode}`)
}

export const healthPlugin = fp<{ config: Config, stack: StackAddresses, migrationsStand: () => Promise<boolean> }>(async (app, options) => {
  const check = async (): Promise<Readiness> => {
    const [kafka, schemaRegistry, ksqldb, migrations] = await Promise.all([
      outcome(app.kafka.admin.describeCluster()),
      outcome(registryAnswers(options.config, options.stack)),
      outcome(app.ksqldb.get('/info', checkTimeoutMs)),
      outcome(options.migrationsStand().then(stand => {
        if (!stand) throw new Error('not all migrations stand')
      }))
    ])
    const checks = { kafka, schemaRegistry, ksqldb, migrations }
    return { ready: Object.values(checks).every(result => result === 'ok'), checks }
  }
  let last: { readonly at: number, readonly readiness: Promise<Readiness> } | undefined
  app.decorate('health', async () => {
    const now = performance.now()
    if (last === undefined || now - last.at > believedMs) last = { at: now, readiness: check() }
    return await last.readiness
  })
}, { name: 'health', dependencies: ['kafka', 'ksqldb'] })
