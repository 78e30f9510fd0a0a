// `linklog keys`: makes, lists and revokes API keys straight on the log, so that whoever runs the stack can make the first one, or one after the last was lost.
import { randomBytes, randomUUID } from 'node:crypto'
import path from 'node:path'
import { KeyRing } from '../access/key-ring.js'
import { KeyService, makeKey, type NewKey } from '../access/key-service.js'
import { scopes, type Scope } from '../access/scopes.js'
import { readConfig, type Config } from '../config.js'
import type { ApiKeyEvent } from '../events/api-key-event.js'
import { EventWriter } from '../events/writer.js'
import { KsqlClient } from '../ksqldb/client.js'
import { packageRoot } from '../package-root.js'
import { kafkaClient } from '../plugins/kafka.js'
import { registerSchemas } from '../plugins/registry.js'
import { isDateTime } from '../plugins/validation.js'
import { makeTopics } from '../prepare.js'
import { ApiKeyQueries, type ApiKey } from '../queries/api-keys.js'
import { namesFor } from '../topics.js'
import { readArguments } from './arguments.js'
import { exitCodes, UsageError } from './exit-codes.js'
import type { Streams } from './import.js'
import { serviceStack } from './service-stack.js'

export const keysHelp = `Usage: linklog keys create --name NAME --scopes SCOPE[,SCOPE…] [options]
       linklog keys list
       linklog keys revoke ID [--reason TEXT]

Makes, lists and revokes API keys on the stack that the service uses: the same variables name it
(KAFKA_BROKERS, SCHEMA_REGISTRY_URL, KSQLDB_URL, TOPIC_PREFIX, …). Without them it is the embedded
stack of a service that runs on this machine. A running service takes the change at once.

Scopes: ${scopes.join(', ')} (admin gives all)

Options of create:
  --name NAME         what the history of links calls whoever uses the key
  --scopes LIST       separated by commas
  --domains LIST      hosts whose links alone the key reaches
  --tags LIST         the key reaches only links with one of these tags
  --expires INSTANT   such as 2027-01-31T00:00:00Z
  -h, --help          this text

The key itself is printed once, on standard output, and kept nowhere.
`

const actor = 'command line'

const options = {
  name: { type: 'string' }, scopes: { type: 'string' }, domains: { type: 'string' }, tags: { type: 'string' }, expires: { type: 'string' }, reason: { type: 'string' }
} as const

type Given = Readonly<Partial<Record<keyof typeof options, string>>>

const list = (text: string | undefined): string[] => (text ?? '').split(',').map(part => part.trim()).filter(part => part !== '')
const isScope = (text: string): text is Scope => (scopes as readonly string[]).includes(text)

const asked = (values: Given, now: number): NewKey => {
  const name = values.name?.trim() ?? ''
  if (name === '' || name.length > 100) throw new UsageError("A key needs a --name of 1 to 100 characters. See 'linklog keys --help'.")
  const wanted = list(values.scopes)
  const unknown = wanted.find(scope => !isScope(scope))
  if (unknown !== undefined) throw new UsageError(`'${unknown}' is none of the scopes ${scopes.join(', ')}.`)
  if (wanted.length === 0) throw new UsageError("A key needs --scopes. See 'linklog keys --help'.")
  const expires = values.expires
  if (expires !== undefined && (!isDateTime(expires) || Date.parse(expires) <= now)) {
    throw new UsageError(`--expires must be an instant that lies ahead, such as 2027-01-31T00:00:00Z, not '${expires}'.`)
  }
  return {
    name,
    scopes: wanted.filter(isScope),
    domains: list(values.domains).map(host => host.toLowerCase()),
    tags: list(values.tags),
    expiresAt: expires === undefined ? null : Date.parse(expires)
  }
}

interface Access { readonly write: (id: string, event: ApiKeyEvent) => Promise<void>, readonly all: () => Promise<readonly ApiKey[]> }

/** Runs the task with the log of keys at hand, and closes what it opened. */
const withKeys = async <T>(config: Config, task: (access: Access) => Promise<T>): Promise<T> => {
  const stack = await serviceStack(config)
  const names = namesFor(config.topicPrefix)
  const kafka = kafkaClient(config, stack)
  const admin = kafka.admin()
  const producer = kafka.producer({ allowAutoTopicCreation: false })
  const ksqldb = new KsqlClient({ url: stack.ksqldbUrl, credentials: config.ksqldbCredentials, pullTimeoutMs: config.pullTimeoutMs })
  const events = new EventWriter(producer)
  try {
    await Promise.all([admin.connect(), producer.connect()])
    await makeTopics(admin, names, config)
    const { apiKeyEvent } = await registerSchemas({ config, stack, names, schemasDir: path.join(packageRoot(), 'schemas') })
    return await task({
      write: async (id, event) => await events.append(names.apiKeyEvents, id, apiKeyEvent.encode(event)),
      all: async () => await new ApiKeyQueries(ksqldb, names).all()
    })
  } finally {
    await events.close()
    await Promise.allSettled([producer.disconnect(), admin.disconnect(), ksqldb.close()])
  }
}

const line = (key: ApiKey): string => [
  key.id,
  key.revokedAt === null ? key.expiresAt === null ? 'active' : `until ${new Date(key.expiresAt).toISOString()}` : `revoked ${new Date(key.revokedAt).toISOString()}`,
  key.scopes.join(','),
  [...key.domains, ...key.tags.map(tag => `#${tag}`)].join(',') || '-',
  key.name
].join('\t')

const create = async (config: Config, key: NewKey, { stdout, stderr }: Streams): Promise<number> => {
  const made = makeKey(key, actor, { newId: randomUUID, randomBytes, now: Date.now })
  await withKeys(config, async ({ write }) => await write(made.key.id, made.event))
  stderr.write(`Key ${made.key.id} (${made.key.name}: ${made.key.scopes.join(', ')}). This is the only time that it is shown:\n`)
  stdout.write(`${made.text}\n`)
  return exitCodes.ok
}

const revoke = async (config: Config, id: string, reason: string | null, { stderr }: Streams): Promise<number> => {
  await withKeys(config, async ({ write, all }) => {
    const ring = new KeyRing({ load: all, staleMs: config.pullTimeoutMs, now: () => performance.now() })
    await new KeyService({ ring, write, newId: randomUUID, randomBytes, now: Date.now }).revoke(id, actor, reason)
  })
  stderr.write(`Key ${id} is revoked.\n`)
  return exitCodes.ok
}

/** Runs `linklog keys` with the arguments after the word `keys`; gives the exit status. */
export async function keysCommand (args: readonly string[], streams: Streams): Promise<number> {
  const { values, positionals: [command, id, ...more] } = readArguments('keys', args, options)
  if (values.help === true) {
    streams.stdout.write(keysHelp)
    return exitCodes.ok
  }
  const config = readConfig(process.env)
  if (more.length > 0) throw new UsageError(`What is '${more[0]}'? See 'linklog keys --help'.`)
  if (command === 'create' && id === undefined) return await create(config, asked(values, Date.now()), streams)
  if (command === 'revoke' && id !== undefined) return await revoke(config, id, values.reason ?? null, streams)
  if (command === 'list' && id === undefined) {
    const keys = await withKeys(config, async ({ all }) => await all())
    for (const key of [...keys].sort((a, b) => a.createdAt - b.createdAt)) streams.stdout.write(`${line(key)}\n`)
    return exitCodes.ok
  }
  throw new UsageError("It is 'linklog keys create', 'list' or 'revoke ID'. See 'linklog keys --help'.")
}
