// Every error the registry answers: Confluent's numeric code, HTTP status and message. Clients match on the codes, people on the words.

/** `errorCode` is Confluent's (40401, 409, 42201 …); the HTTP status is its first three digits. Source: Schema Registry's rest.exceptions.Errors. */
export class RegistryError extends Error {
  readonly errorCode: number
  readonly status: number
  constructor (errorCode: number, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'RegistryError'
    this.errorCode = errorCode
    this.status = Number(String(errorCode).slice(0, 3))
  }
}

export const subjectNotFound = (subject: string) => new RegistryError(40401, `Subject '${subject}' not found.`)
export const versionNotFound = (version: number) => new RegistryError(40402, `Version ${version} not found.`)
export const schemaNotFound = (id?: number) => new RegistryError(40403, id === undefined ? 'Schema not found' : `Schema ${id} not found`)
export const subjectSoftDeleted = (subject: string) =>
  new RegistryError(40404, `Subject '${subject}' was soft deleted.Set permanent=true to delete permanently`)
export const subjectNotSoftDeleted = (subject: string) =>
  new RegistryError(40405, `Subject '${subject}' was not deleted first before being permanently deleted`)
export const versionSoftDeleted = (subject: string, version: number) =>
  new RegistryError(40406, `Subject '${subject}' Version ${version} was soft deleted.Set permanent=true to delete permanently`)
export const versionNotSoftDeleted = (subject: string, version: number) =>
  new RegistryError(40407, `Subject '${subject}' Version ${version} was not deleted first before being permanently deleted`)
export const compatibilityNotConfigured = (subject: string) =>
  new RegistryError(40408, `Subject '${subject}' does not have subject-level compatibility configured`)
export const modeNotConfigured = (subject: string) => new RegistryError(40409, `Subject '${subject}' does not have subject-level mode configured`)
export const incompatibleSchema = (subject: string, messages: readonly string[]) =>
  new RegistryError(409, `Schema being registered is incompatible with an earlier schema for subject "${subject}", details: [${messages.join(', ')}]`)
export const invalidSchema = (message: string) => new RegistryError(42201, message)
export const invalidVersion = (version: string) =>
  new RegistryError(42202, `The specified version '${version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"`)
export const invalidCompatibility = () => new RegistryError(42203,
  'Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive')
export const invalidMode = () => new RegistryError(42204, 'Invalid mode. Valid values are READWRITE, READONLY, and IMPORT.')
export const notPermitted = (message: string) => new RegistryError(42205, message)
export const referenceExists = (subject: string, version: number) =>
  new RegistryError(42206, `One or more references exist to the schema {magic=1,keytype=SCHEMA,subject=${subject},version=${version}}.`)
export const idDoesNotMatch = (id: number, given: number) => new RegistryError(42207, `Schema already registered with id ${id} instead of input id ${given}`)
export const invalidSubject = (subject: string) => new RegistryError(42208, `The specified subject '${subject}' is not a valid.`)
export const schemaTooLarge = () => new RegistryError(42209, 'Register operation failed because schema is too large')
export const storeFailed = (message: string, cause: unknown) => new RegistryError(50001, message, { cause })
