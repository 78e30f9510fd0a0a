// Parameters that take several words, separated by commas.

/** Split at commas, but for those behind a backslash; without empty words. */
export const splitWords = (text: string): readonly string[] =>
  (text.match(/(?:\\.|[^,\\])+/gs) ?? []).map(word => word.replaceAll(/\\(.)/gs, '$1').trim()).filter(word => word !== '')
