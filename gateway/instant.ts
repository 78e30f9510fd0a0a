// Instants as answers tell them: RFC 3339 in UTC, with milliseconds.

/** @throws RangeError for what is no instant of Date. */
export const iso = (ms: number): string => new Date(ms).toISOString()

export const isoOrNull = (ms: number | null): string | null => ms === null ? null : iso(ms)
