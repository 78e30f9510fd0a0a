// W3C trace context: what a request says of the trace that it belongs to goes along with the event that it makes, as the record's header.

/** Version, trace id, parent id and flags (W3C Trace Context, 3.2); later versions may have more behind. */
const form = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:$|-)/

/** Characters of the form above, for versions that are known now. */
export const traceparentChars = 55

/** A traceparent header that is one, cut to what this version knows; undefined for anything else. */
export const traceparentOf = (header: string | string[] | undefined): string | undefined =>
  typeof header === 'string' && form.test(header) ? header.slice(0, traceparentChars) : undefined
