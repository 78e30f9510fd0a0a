// Which characters the classes of java.util.regex stand for, in the notation of a RegExp with the v flag.

/** What ends a line for `.`, `^` and `$`. */
export const LINE_TERMINATORS = '\\n\\r\\u0085\\u2028\\u2029'
export const HORIZONTAL_SPACE = ' \\t\\u00a0\\u1680\\u180e\\u2000-\\u200a\\u202f\\u205f\\u3000'
export const VERTICAL_SPACE = '\\n\\v\\f\\r\\u0085\\u2028\\u2029'
export const SPACE = ' \\t\\n\\v\\f\\r'
const PUNCTUATION = '!-\\/:-@\\[-`\\{-~'

/** POSIX classes, which are ASCII only, and those of java.lang.Character. */
const NAMED: Readonly<Record<string, string>> = {
  Lower: 'a-z', Upper: 'A-Z', ASCII: '\\0-\\x7f', Alpha: 'a-zA-Z', Digit: '0-9', Alnum: 'a-zA-Z0-9', Punct: PUNCTUATION, Graph: '!-~', Print: ' -~', Blank: ' \\t',
  Cntrl: '\\0-\\x1f\\x7f', XDigit: '0-9a-fA-F', Space: SPACE, javaLowerCase: '\\p{Lowercase}', javaUpperCase: '\\p{Uppercase}', javaWhitespace: '\\s',
  javaLetter: '\\p{L}', javaDigit: '\\p{Nd}', javaLetterOrDigit: '\\p{L}\\p{Nd}', javaAlphabetic: '\\p{Alphabetic}', javaMirrored: '\\p{Bidi_Mirrored}',
  IsAlphabetic: '\\p{Alphabetic}', IsIdeographic: '\\p{Ideographic}', IsLetter: '\\p{Alphabetic}', IsLowercase: '\\p{Lowercase}', IsUppercase: '\\p{Uppercase}', IsTitlecase: '\\p{Lt}',
  IsPunctuation: '\\p{P}', IsControl: '\\p{Cc}', IsWhite_Space: '\\p{White_Space}', IsDigit: '\\p{Nd}', IsHex_Digit: '\\p{Hex_Digit}', IsAssigned: '\\P{Cn}', IsEmoji: '\\p{Emoji}',
  L1: '\\0-\\xff', LD: '\\p{L}\\p{Nd}', LC: '\\p{Lu}\\p{Ll}\\p{Lt}', all: '\\p{Any}'
}

/** Blocks by name; those that text is commonly searched for. */
const BLOCKS: Readonly<Record<string, string>> = {
  BASICLATIN: '\\0-\\x7f', LATIN1SUPPLEMENT: '\\x80-\\xff', LATINEXTENDEDA: '\\u0100-\\u017f', LATINEXTENDEDB: '\\u0180-\\u024f', GREEK: '\\u0370-\\u03ff',
  GREEKANDCOPTIC: '\\u0370-\\u03ff', CYRILLIC: '\\u0400-\\u04ff', HEBREW: '\\u0590-\\u05ff', ARABIC: '\\u0600-\\u06ff', THAI: '\\u0e00-\\u0e7f', HIRAGANA: '\\u3040-\\u309f',
  KATAKANA: '\\u30a0-\\u30ff', CJKUNIFIEDIDEOGRAPHS: '\\u4e00-\\u9fff', HANGULSYLLABLES: '\\uac00-\\ud7af', GENERALPUNCTUATION: '\\u2000-\\u206f', EMOTICONS: '\\u{1f600}-\\u{1f64f}'
}

function isProperty (name: string): boolean {
  try {
    return new RegExp(`\\p{${name}}`, 'v') !== undefined
  } catch {
    return false
  }
}

/** The members of \p{name}; undefined where no class has that name. */
export function classNamed (name: string): string | undefined {
  const known = NAMED[name]
  if (known !== undefined) return known
  const [, key, value] = /^(\w+)=(.+)$/.exec(name) ?? []
  const block = key === 'blk' || key === 'block' ? value : name.startsWith('In') ? name.slice(2) : undefined
  if (block !== undefined) return BLOCKS[block.replace(/[ _-]/g, '').toUpperCase()]
  const candidates = key === undefined
    ? [/^[A-Z][a-z]?$/.test(name) ? name : undefined, name.startsWith('Is') ? `Script=${name.slice(2)}` : undefined, name.startsWith('Is') ? name.slice(2) : undefined]
    : [key === 'sc' || key === 'script' ? `Script=${value}` : key === 'gc' || key === 'general_category' ? value : undefined]
  const found = candidates.find(candidate => candidate !== undefined && isProperty(candidate))
  return found === undefined ? undefined : `\\p{${found}}`
}
