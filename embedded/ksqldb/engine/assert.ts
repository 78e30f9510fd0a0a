// ASSERT TOPIC and ASSERT SCHEMA: waits for what should be, up to a time-out, and answers 417 where it does not come.
import type { Log } from '../../log.js'
import type { SchemaRegistry } from '../../schema-registry.js'
import type { SourceProperties, Statement } from '../sql/ast.js'
import type { Entity } from './entities.js'
import { EngineError } from './errors.js'
import { milliseconds } from './injector.js'
import { integerOf } from './literals.js'

type AssertTopic = Extract<Statement, { node: 'AssertTopic' }>
type AssertSchema = Extract<Statement, { node: 'AssertSchema' }>

const DEFAULT_TIMEOUT_MS = 1000
const MAX_TIMEOUT_MS = 600_000
const POLL_MS = 50

/** Throws EngineError 41700. */
export async function assertTopic (statement: AssertTopic, log: Log, text: string): Promise<Entity> {
  const { topic, exists } = statement
  await holds(statement, () => Promise.resolve(exists ? topicProblem(topic, statement.properties, log) : topicPresent(topic, log)))
  return { '@type': 'assert_topic', statementText: text, topicName: topic, exists, warnings: [] }
}

/** Throws EngineError 41700. */
export async function assertSchema (statement: AssertSchema, registry: SchemaRegistry, text: string): Promise<Entity> {
  const { subject, id, exists } = statement
  const what = `Schema with${subject === undefined ? '' : ` subject name ${subject}`}${id === undefined ? '' : ` id ${id}`}`
  await holds(statement, async () => {
    const found = await isRegistered(subject, id, registry)
    return found === exists ? undefined : exists ? `${what} does not exist` : `${what} exists`
  })
  return { '@type': 'assert_schema', statementText: text, subject: subject ?? null, id: id ?? null, exists, warnings: [] }
}

async function isRegistered (subject: string | undefined, id: number | undefined, registry: SchemaRegistry): Promise<boolean> {
  const latest = subject === undefined ? undefined : await registry.latest(subject)
  if (subject !== undefined && latest === undefined) return false
  if (id === undefined) return true
  return latest === undefined ? await registry.byId(id) !== undefined : latest.id === id
}

function topicPresent (topic: string, log: Log): string | undefined {
  return log.describeTopic(topic) === undefined ? undefined : `Topic ${topic} exists`
}

function topicProblem (topic: string, properties: SourceProperties, log: Log): string | undefined {
  const found = log.describeTopic(topic)
  if (found === undefined) return `Topic ${topic} does not exist`
  const actual: Readonly<Record<string, number>> = { PARTITIONS: found.partitions, REPLICAS: found.replicationFactor }
  const problems = [...properties.keys()].flatMap(name => {
    const value = actual[name]
    if (value === undefined) return [`Cannot assert unknown topic property: ${name}`]
    const wanted = integerOf(properties, name)
    return wanted === value ? [] : [`Mismatched configuration for topic ${topic}: For config ${name.toLowerCase()}, expected ${String(wanted)} got ${value}`]
  })
  return problems.length === 0 ? undefined : problems.join('\n')
}

/** Asks until there is no problem or the time is over. */
async function holds (statement: AssertTopic | AssertSchema, problem: () => Promise<string | undefined>): Promise<void> {
  const timeoutMs = Math.min(statement.timeout === undefined ? DEFAULT_TIMEOUT_MS : milliseconds(statement.timeout), MAX_TIMEOUT_MS)
  const end = performance.now() + timeoutMs
  for (;;) {
    const found = await problem()
    if (found === undefined) return
    if (performance.now() >= end) throw new EngineError(found, undefined, 41700)
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
  }
}
