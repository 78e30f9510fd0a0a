// Where the stack of the service is, for commands that talk to it themselves.
import type { Config, StackAddresses } from '../config.js'
import { stackAnswers } from '../prepare.js'

const patienceMs = 5_000

/**
 * The cluster that is configured, or the embedded stack beside us; all three of it take requests.
 * @throws Error naming the one that does not in time.
 */
export const serviceStack = async ({ stack, embedded }: Config): Promise<StackAddresses> => {
  const addresses = stack ?? {
    kafkaBrokers: [`${embedded.host}:${embedded.kafkaPort}`],
    schemaRegistryUrl: `http://${embedded.host}:${embedded.registryPort}`,
    ksqldbUrl: `http://${embedded.host}:${embedded.ksqldbPort}`
  }
  await stackAnswers(addresses, patienceMs).catch((error: unknown) => {
    const hint = stack === undefined ? ' Is the service running on this machine? With the embedded stack it has to.' : ''
    throw new Error(`${(error as Error).message}.${hint}`, { cause: error })
  })
  return addresses
}
