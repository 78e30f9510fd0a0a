import t from 'tap'
import { javaRegex } from '../../../../../embedded/ksqldb/plan/functions/java-regex.js'
import { table } from './support.js'

table('REGEXP_EXTRACT and REGEXP_EXTRACT_ALL', [
  ["REGEXP_EXTRACT('e.*', 'test string')", 'est string'],
  ["REGEXP_EXTRACT('(.*) (.*)', 'test string', 2)", 'string'],
  ["REGEXP_EXTRACT('.', 'test string', 1)", null],
  ["REGEXP_EXTRACT('x', 'test string')", null],
  ["REGEXP_EXTRACT('(a)|(b)', 'b', 1)", null],
  ["REGEXP_EXTRACT('(', 'x')", /^error: Unclosed group/],
  ["REGEXP_EXTRACT_ALL('.*?(\\w+)@(\\w+).*?', 'x@y z@w', 2)", ['y', 'w']],
  ["REGEXP_EXTRACT_ALL('[aeiou]', 'xyz')", []],
  ["REGEXP_EXTRACT_ALL('x', CAST(NULL AS STRING))", null]
])

table('REGEXP_REPLACE', [
  ["REGEXP_REPLACE('abababa', '(ab)+', 'x')", 'xa'],
  ["REGEXP_REPLACE('aabb', '(a)(b)', '$2-$1\\$')", 'ab-a$b'],
  // eslint-disable-next-line no-template-curly-in-string
  ["REGEXP_REPLACE('2021-11', '(?<y>\\d+)-(?<m>\\d+)', '${m}/${y}')", '11/2021'],
  ["REGEXP_REPLACE('a', 'a', '$1')", 'error: No group 1'],
  ["REGEXP_REPLACE('a', 'a', '$x')", 'error: Illegal group reference'],
  ["REGEXP_REPLACE('ab', '', '-')", '-a-b-']
])

table('REGEXP_SPLIT_TO_ARRAY', [
  ["REGEXP_SPLIT_TO_ARRAY('aabcda', '(ab|cd)')", ['a', '', 'a']],
  ["REGEXP_SPLIT_TO_ARRAY('a,b,', ',')", ['a', 'b', '']],
  ["REGEXP_SPLIT_TO_ARRAY('abc', '')", ['a', 'b', 'c']],
  ["REGEXP_SPLIT_TO_ARRAY('xaxbx', 'x*')", ['', '', 'a', '', 'b']],
  ["REGEXP_SPLIT_TO_ARRAY('', ',')", ['']],
  ["REGEXP_SPLIT_TO_ARRAY('abc', 'z')", ['abc']]
])

// What java.util.regex.Pattern's documentation says, and JavaScript lacks or means otherwise.
t.test('Java syntax', async t => {
  const rows: ReadonlyArray<readonly [pattern: string, text: string, matches: readonly string[]]> = [
    ['a++b', 'aaab', ['aaab']], ['a++ab', 'aaab', []], ['(?>a|ab)c', 'abc ac', ['ac']], ['x*+x', 'xxx', []], ['(?:ab){1,2}+ab', 'ababab ababab', ['ababab', 'ababab']],
    ['(?i)hello', 'HeLLo ſ', ['HeLLo']], ['a(?i)b', 'aB AB', ['aB']], ['a(?i:b)c', 'aBc aBC', ['aBc']], ['(?i)[a-c]+', 'aBCd', ['aBC']], ['(?i:a(?-i)b)', 'Ab AB', ['Ab']],
    ['a.b', 'a\nb a\u0085b a-b', ['a-b']], ['(?s)a.b', 'a\nb', ['a\nb']], ['(?x) a b # comment\n c', 'abc', ['abc']], ['(?d)a.b', 'a\rb a\nb', ['a\rb']],
    ['(?m)^.$', 'a\nb\r\nc', ['a', 'b', 'c']], ['^a', 'a\na', ['a']], ['a$', 'a\n', ['a']], ['a\\z', 'a\n', []], ['a\\Z', 'a\n', ['a']], ['\\Aa', 'aa', ['a']],
    ['[a-z&&[^aeiou]]+', 'hello', ['h', 'll']], ['[a-d[m-p]]+', 'abxmp', ['ab', 'mp']], ['[^a-z&&[a-z]]', 'aB', ['B']], ['[a&&b]', 'ab&', []], ['[\\w&&[^\\d_]]+', 'a1_b', ['a', 'b']],
    ['[]a]+', 'a]', ['a]']], ['[a-]+', 'a-b', ['a-']], ['[\\]\\[^-]+', '[]^-', ['[]^-']], ['[.*+?(){}|$/]+', '.*+?(){}|$/', ['.*+?(){}|$/']],
    ['\\Qa.b\\E+', 'a.bbb axb', ['a.bbb']], ['[\\Q^]\\E]+', '^]', ['^]']], ['\\x41\\u0042\\x{1F600}\\0103', 'AB😀C', ['AB😀C']], ['\\ud83d\\ude00', '😀', ['😀']], ['\\cA', '\x01', ['\x01']],
    ['\\h+', ' \t\u3000x', [' \t\u3000']], ['\\R', 'a\r\nb\nc', ['\r\n', '\n']], ['\\v', 'a\u2028', ['\u2028']], ['\\s', '\u00a0', []], ['\\w+', 'aé', ['a']], ['\\bé\\b', 'é aé', ['é']],
    ['\\p{Upper}\\p{Lower}+', 'Hello World', ['Hello', 'World']], ['\\p{Lu}', 'aÄ', ['Ä']], ['\\pL+', 'aé1', ['aé']], ['\\P{L}+', 'a12', ['12']], ['\\p{Punct}+', 'a!?~', ['!?~']],
    ['\\p{IsGreek}+', 'abΕλ', ['Ελ']], ['\\p{InCyrillic}+', 'abЖ', ['Ж']], ['\\p{javaLetterOrDigit}+', 'é1-', ['é1']], ['\\p{IsAlphabetic}+', 'é1', ['é']], ['[\\p{L}&&[^\\p{IsLatin}]]', 'aΕ', ['Ε']],
    ['(a)(b)?\\1', 'aa aba', ['aa', 'aba']], ['(?<y>\\d)\\k<y>', '11 12', ['11']], ['(a)\\11', 'aa1', ['aa1']], ['(?<=a)b(?=c)', 'abc abd', ['b']], ['(?<!a)b(?!c)', 'bd ab', ['b']],
    ['a{2,3}?', 'aaaa', ['aa', 'aa']], ['a{2}', 'aaa', ['aa']], ['a|', 'ab', ['a', '', '']], ['\\.\\-\\#\\ ', '.-# ', ['.-# ']], ['a-b,c:d', 'a-b,c:d', ['a-b,c:d']], ['}]', '}]', ['}]']]
  ]
  for (const [pattern, text, matches] of rows) t.strictSame(text.match(javaRegex(pattern).regexp) ?? [], matches, pattern)
})

t.test('what Java refuses is refused', async t => {
  for (const wrong of ['(', ')', '[', '[a', '*a', 'a{', 'a**', '\\', '\\y', '\\p{Nope}', '[z-a]', '(?<n>a)(?<n>b)', '\\k<x>', '(?z)a', '(?', '('.repeat(1000), '\\x{110000}']) {
    t.throws(() => javaRegex(wrong), wrong.slice(0, 20))
  }
})
