// What the rest of the program uses of the registry.
export { Registry } from './registry.js'
export { RegistryError } from './errors.js'
export type { RegistryOptions } from './registry.js'
