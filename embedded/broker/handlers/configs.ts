// DescribeConfigs, AlterConfigs, IncrementalAlterConfigs. Topics can be changed; the broker itself is set where it is started.
import { LogError, type TopicConfig } from '../../log.js'
import { ERROR_CODES } from '../protocol/errors.js'
import type { Topic } from '../topics/topics.js'
import { TOPIC_CONFIGS, type ConfigDefinition, type ConfigType } from '../topics/topic-config.js'
import { NODE_ID, codeOf, messageOf, type Handler, type Response, type Services } from './context.js'

const TOPIC_RESOURCE = 2
const BROKER_RESOURCE = 4
const SOURCE = { topic: 1, staticBroker: 4, default: 5 } as const
/** Ids of org.apache.kafka.common.requests.DescribeConfigsResponse.ConfigType. */
const TYPE_IDS: Readonly<Record<ConfigType, number>> = { BOOLEAN: 1, STRING: 2, INT: 3, LONG: 5, DOUBLE: 6, LIST: 7 }
const OPERATION = { set: 0, delete: 1, append: 2, subtract: 3 } as const

type Entry = NonNullable<Response<'describeConfigs'>>['results'][number]['configs'][number]

function topicEntry (services: Services, topic: Topic, definition: ConfigDefinition): Required<Omit<Entry, 'synonyms'>> {
  const { name, type, defaultValue, documentation } = definition
  const { value, defaults } = services.topics.effectiveConfig(topic)
  const own = value(name)
  const inherited = defaults[name]
  return {
    name,
    value: own ?? inherited ?? defaultValue,
    readOnly: false,
    isDefault: own === undefined,
    configSource: own !== undefined ? SOURCE.topic : inherited !== undefined ? SOURCE.staticBroker : SOURCE.default,
    isSensitive: false,
    configType: TYPE_IDS[type],
    documentation
  }
}

/** A topic's settings as CreateTopics tells them. */
export function topicConfigEntries (services: Services, topic: Topic) {
  return [...TOPIC_CONFIGS.values()].map(definition => {
    const { name, value, readOnly, configSource, isSensitive } = topicEntry(services, topic, definition)
    return { name, value: value ?? null, readOnly, configSource: configSource ?? -1, isSensitive }
  })
}

function topicEntries (services: Services, topic: Topic, keys: readonly string[] | null): Entry[] {
  return [...TOPIC_CONFIGS.values()].filter(({ name }) => keys === null || keys.length === 0 || keys.includes(name)).map(definition => {
    const entry = topicEntry(services, topic, definition)
    const synonyms = entry.configSource === SOURCE.default ? [] : [{ name: entry.name, value: entry.value, source: entry.configSource ?? SOURCE.default }]
    return { ...entry, synonyms: [...synonyms, { name: definition.name, value: definition.defaultValue, source: SOURCE.default }] }
  })
}

function brokerEntries (services: Services, keys: readonly string[] | null): Entry[] {
  return Object.entries(services.brokerConfig).filter(([name]) => keys === null || keys.length === 0 || keys.includes(name)).map(([name, value]) => ({
    name,
    value,
    readOnly: true,
    isDefault: false,
    configSource: SOURCE.staticBroker,
    isSensitive: false,
    synonyms: [{ name, value, source: SOURCE.staticBroker }],
    configType: TYPE_IDS.STRING
  }))
}

function requireTopic (services: Services, name: string): Topic {
  const topic = services.topics.get(name)
  if (topic === undefined) throw new LogError('UNKNOWN_TOPIC_OR_PARTITION', `Topic '${name}' does not exist.`)
  return topic
}

function requireBroker (name: string): void {
  if (name !== '' && name !== String(NODE_ID)) {
    throw new LogError('INVALID_REQUEST', `Unexpected broker id, expected ${NODE_ID} or empty string, but received ${name}`)
  }
}

function entriesOf (services: Services, resourceType: number, name: string, keys: readonly string[] | null): Entry[] {
  if (resourceType === TOPIC_RESOURCE) return topicEntries(services, requireTopic(services, name), keys)
  if (resourceType !== BROKER_RESOURCE) throw new LogError('INVALID_REQUEST', `Unsupported resource type: ${resourceType}`)
  requireBroker(name)
  return brokerEntries(services, keys)
}

export function describeConfigsHandler (services: Services): Handler<'describeConfigs'> {
  return request => ({
    throttleTimeMs: 0,
    results: request.resources.map(({ resourceType, resourceName, configurationKeys }) => {
      try {
        const configs = entriesOf(services, resourceType, resourceName, configurationKeys).map(entry => ({
          ...entry,
          synonyms: request.includeSynonyms ? entry.synonyms : [],
          documentation: request.includeDocumentation ? entry.documentation : null
        }))
        return { errorCode: ERROR_CODES.NONE, errorMessage: null, resourceType, resourceName, configs }
      } catch (error) {
        return { errorCode: codeOf(error, services.warn), errorMessage: messageOf(error), resourceType, resourceName, configs: [] }
      }
    })
  })
}

async function change (
  services: Services, resource: { resourceType: number, resourceName: string }, validateOnly: boolean, changeConfig: (config: TopicConfig) => TopicConfig
) {
  const { resourceType, resourceName } = resource
  try {
    if (resourceType === BROKER_RESOURCE) {
      requireBroker(resourceName)
      throw new LogError('INVALID_CONFIG', 'The settings of this broker are given where it is started and cannot be changed while it runs.')
    }
    if (resourceType !== TOPIC_RESOURCE) throw new LogError('INVALID_REQUEST', `Unsupported resource type: ${resourceType}`)
    await services.topics.configure(resourceName, changeConfig, validateOnly)
    return { errorCode: ERROR_CODES.NONE, errorMessage: null, resourceType, resourceName }
  } catch (error) {
    return { errorCode: codeOf(error, services.warn), errorMessage: messageOf(error), resourceType, resourceName }
  }
}

function notNull (name: string, value: string | null): string {
  if (value === null) throw new LogError('INVALID_CONFIG', `Null value not supported for topic configs: ${name}`)
  return value
}

export function alterConfigsHandler (services: Services): Handler<'alterConfigs'> {
  return async request => {
    const responses = await Promise.all(request.resources.map(async resource => await change(services, resource, request.validateOnly, () =>
      Object.fromEntries(resource.configs.map(({ name, value }) => [name, notNull(name, value)])))))
    return { throttleTimeMs: 0, responses }
  }
}

interface ConfigChange { readonly name: string, readonly configOperation: number, readonly value: string | null }

function applyChange (services: Services, config: TopicConfig, { name, configOperation, value }: ConfigChange): TopicConfig {
  const definition = TOPIC_CONFIGS.get(name)
  const { [name]: current, ...others } = config
  if (configOperation === OPERATION.delete) return others
  const text = notNull(name, value)
  if (configOperation === OPERATION.set) return { ...config, [name]: text }
  if (configOperation !== OPERATION.append && configOperation !== OPERATION.subtract) {
    throw new LogError('INVALID_REQUEST', `Unknown operation type ${configOperation} is not allowed for config ${name}`)
  }
  if (definition?.type !== 'LIST') throw new LogError('INVALID_CONFIG', `Can't ${configOperation === 2 ? 'APPEND' : 'SUBTRACT'} to key ${name} because its type is not LIST.`)
  const items = (current ?? definition.defaultValue).split(',').filter(item => item !== '')
  const named = text.split(',')
  const next = configOperation === OPERATION.append ? [...new Set([...items, ...named])] : items.filter(item => !named.includes(item))
  return { ...config, [name]: next.join(',') }
}

export function incrementalAlterConfigsHandler (services: Services): Handler<'incrementalAlterConfigs'> {
  return async request => {
    const responses = await Promise.all(request.resources.map(async resource => await change(services, resource, request.validateOnly, config =>
      resource.configs.reduce((changed, each) => applyChange(services, changed, each), config))))
    return { throttleTimeMs: 0, responses }
  }
}
