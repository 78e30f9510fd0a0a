// The exit statuses of the command line, in one place because scripts depend on them.

/** Exit status of each outcome; part of what semver covers. */
export const exitCodes = { ok: 0, rejected: 1, usage: 2, service: 3, interrupted: 130 } as const

/** The command was called in a way that cannot work: the message says what to change. Exit status 2. */
export class UsageError extends Error {
  override name = 'UsageError'
}

/** The service cannot be reached, keeps failing, or refuses every request of this kind. Exit status 3. */
export class ServiceError extends Error {
  override name = 'ServiceError'
}
