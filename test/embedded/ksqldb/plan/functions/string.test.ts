import { table } from './support.js'

const NULL = 'CAST(NULL AS STRING)'

table('SUBSTRING counts from 1, or from the end', [
  ["SUBSTRING('hello', 2)", 'ello'],
  ["SUBSTRING('hello', 2, 3)", 'ell'],
  ["SUBSTRING('hello', 0)", 'hello'],
  ["SUBSTRING('hello', -3)", 'llo'],
  ["SUBSTRING('hello', -3, 2)", 'll'],
  ["SUBSTRING('hello', -10, 2)", 'he'],
  ["SUBSTRING('hello', 9)", ''],
  ["SUBSTRING('hello', 2, 100)", 'ello'],
  ["SUBSTRING('hello', 2, -1)", ''],
  [`SUBSTRING(${NULL}, 2)`, null],
  ["SUBSTRING('hello', CAST(NULL AS INT))", null],
  ["SUBSTRING(TO_BYTES('hello', 'utf8'), 2, 2)", '0x656c']
])

table('CONCAT leaves nulls out, CONCAT_WS puts a separator between', [
  ["CONCAT('a', 'b', 'c')", 'abc'],
  [`CONCAT('a', ${NULL}, 'c')`, 'ac'],
  ["CONCAT(TO_BYTES('61', 'hex'), TO_BYTES('62', 'hex'))", '0x6162'],
  [`CONCAT_WS(', ', 'a', ${NULL}, 'c')`, 'a, c'],
  [`CONCAT_WS(${NULL}, 'a', 'c')`, null],
  ["CONCAT_WS(', ')", /^error: Function Concat_WS expects at least two input arguments/],
  ["CONCAT_WS(TO_BYTES('00', 'hex'), TO_BYTES('61', 'hex'), TO_BYTES('62', 'hex'))", '0x610062']
])

table('LPAD and RPAD pad or cut to a length', [
  ["LPAD('foo', 7, 'Bar')", 'BarBfoo'],
  ["LPAD('foo', 2, 'Bar')", 'fo'],
  ["RPAD('foo', 7, 'Bar')", 'fooBarB'],
  ["RPAD('foo', 2, 'Bar')", 'fo'],
  ["LPAD('', 2, 'x')", 'xx'],
  ["LPAD('foo', 7, '')", null],
  ["LPAD('foo', -1, 'x')", null],
  ["LPAD('foo', 0, 'x')", ''],
  ["LPAD(TO_BYTES('0102', 'hex'), 4, TO_BYTES('ff', 'hex'))", '0xffff0102'],
  ["RPAD(TO_BYTES('0102', 'hex'), 5, TO_BYTES('fe0f', 'hex'))", '0x0102fe0ffe'],
  ["RPAD('x', 2000000000, 'y')", /^error: cannot pad/]
])

table('SPLIT and SPLIT_TO_MAP', [
  ["SPLIT('a,b,,c,', ',')", ['a', 'b', '', 'c', '']],
  ["SPLIT('a', ',')", ['a']],
  ["SPLIT('', ',')", ['']],
  ["SPLIT('abc', '')", ['a', 'b', 'c']],
  ["SPLIT('', '')", ['']],
  ["SPLIT('a$b.c', '$b.')", ['a', 'c']],
  ["SPLIT(TO_BYTES('a-b', 'ascii'), TO_BYTES('-', 'ascii'))", ['0x61', '0x62']],
  ["SPLIT_TO_MAP('a=1;b=2;a=3;junk;;c=', ';', '=')", new Map([['a', '3'], ['b', '2'], ['c', '']])],
  ["SPLIT_TO_MAP('a=1', '=', '=')", null],
  ["SPLIT_TO_MAP('a=1', '', '=')", null]
])

// The corporate floor cases are those of Oracle's INSTR, which ksqlDB's follows.
table('INSTR and FIELD and ELT find positions', [
  ["INSTR('CORPORATE FLOOR', 'OR')", 2],
  ["INSTR('CORPORATE FLOOR', 'OR', 3, 2)", 14],
  ["INSTR('CORPORATE FLOOR', 'OR', -3, 2)", 2],
  ["INSTR('CORPORATE FLOOR', 'OR', -3)", 5],
  ["INSTR('CORPORATE FLOOR', 'XX')", 0],
  ["INSTR('CORPORATE FLOOR', 'OR', 100)", 0],
  ["INSTR('CORPORATE FLOOR', 'OR', 0)", 0],
  [`INSTR(${NULL}, 'OR')`, 0],
  ["FIELD('hello', 'world', 'hello')", 2],
  ["FIELD('hello', 'world')", 0],
  [`FIELD(${NULL}, 'world')`, 0],
  ["ELT(2, 'a', 'b')", 'b'],
  ["ELT(3, 'a', 'b')", null],
  ["ELT(0, 'a', 'b')", null],
  ["LEN('hällo')", 5],
  ["LEN(TO_BYTES('hällo', 'utf8'))", 6]
])

table('letters change', [
  ["UCASE('Straße')", 'STRASSE'],
  ["LCASE('ÀB')", 'àb'],
  ["INITCAP('the   Quick br0wn fOx')", 'The   Quick Br0wn Fox'],
  ["INITCAP('  x')", 'X'],
  ["INITCAP('')", ''],
  ["TRIM('  a b\t ')", 'a b'],
  ["REPLACE('a.b.c', '.', '$&')", 'a$&b$&c'],
  ["REPLACE('ab', '', '-')", '-a-b-'],
  ['CHR(75)', 'K'],
  ['CHR(128512)', '😀'],
  ['CHR(-1)', null],
  ['CHR(1114112)', null],
  ["CHR('\\u004b')", 'K'],
  ["CHR('\\ud83d\\ude00')", '😀'],
  ["CHR('75')", null]
])

table('encodings', [
  ["ENCODE('48656c6c6f', 'hex', 'utf8')", 'Hello'],
  ["ENCODE('0x48656c6c6f', 'hex', 'ascii')", 'Hello'],
  ["ENCODE('X''48656c6c6f''', 'hex', 'base64')", 'SGVsbG8='],
  ["ENCODE('Ελλ', 'utf8', 'hex')", 'ce95cebbcebb'],
  ["ENCODE('Ελλ', 'ascii', 'hex')", '3f3f3f'],
  ["ENCODE('SGVsbG8=', 'base64', 'HEX')", '48656c6c6f'],
  ["ENCODE('xyz', 'hex', 'utf8')", /^error: Odd number/],
  ["ENCODE('Hello', 'utf8', 'utf8')", /^error: ENCODE takes/],
  ["TO_BYTES('IQ==', 'base64')", '0x21'],
  ["TO_BYTES('I*==', 'base64')", /^error: Illegal base64/],
  ["TO_BYTES('1aB2', 'hex')", '0x1ab2'],
  ["FROM_BYTES(TO_BYTES('1aB2', 'hex'), 'hex')", '1AB2'],
  ["FROM_BYTES(TO_BYTES('Hi', 'utf8'), 'base64')", 'SGk='],
  ["TO_BYTES('x', 'utf16')", /^error: Unknown encoding type 'utf16'/],
  // RFC 1321, appendix A.5
  ["MD5('message digest')", 'f96b697d7cb7938d525a2f31aaf161d0'],
  ['UUID()', '00000000-0000-4000-8000-000000000000'],
  ["UUID(TO_BYTES('237e9877e79b12d4a765321741963000', 'hex'))", '237e9877-e79b-12d4-a765-321741963000'],
  ["UUID(TO_BYTES('00', 'hex'))", null]
])

table('masks', [
  ["MASK('My Test $123')", 'Xx-Xxxx--nnn'],
  ["MASK('My Test $123', '*', NULL, '1', NULL)", '*y *est $111'],
  ["MASK('Ünß', 'U', 'l', NULL, NULL)", 'Ull'],
  ["MASK('a', 'XX', 'l', NULL, NULL)", /^error: Invalid mask character/],
  ["MASK_LEFT('My Test $123', 4)", 'Xx-Xest $123'],
  ["MASK_LEFT('ab', 100)", 'xx'],
  ["MASK_RIGHT('My Test $123', 4)", 'My Test -nnn'],
  ["MASK_KEEP_LEFT('My Test $123', 4)", 'My Txxx--nnn'],
  ["MASK_KEEP_RIGHT('My Test $123', 4)", 'Xx-Xxxx-$123'],
  ["MASK_LEFT('ab', -1)", /^error: function mask_left requires a non-negative number/],
  [`MASK(${NULL})`, null]
])

table('numbers come out of bytes', [
  ["INT_FROM_BYTES(TO_BYTES('000007e5', 'hex'))", 2021],
  ["INT_FROM_BYTES(TO_BYTES('e5070000', 'hex'), 'LITTLE_ENDIAN')", 2021],
  ["INT_FROM_BYTES(TO_BYTES('e507', 'hex'))", 'error: Number of bytes must be equal to 4, but found 2'],
  ["INT_FROM_BYTES(TO_BYTES('e5070000', 'hex'), 'MIDDLE')", /^error: Byte order/],
  ["BIGINT_FROM_BYTES(TO_BYTES('000000012a05f200', 'hex'))", 5000000000n],
  ["BIGINT_FROM_BYTES(TO_BYTES('ffffffffffffffff', 'hex'))", -1n],
  ["DOUBLE_FROM_BYTES(TO_BYTES('3ff8000000000000', 'hex'))", 1.5]
])

table('the first that is not null', [
  [`COALESCE(${NULL}, 'b', 'c')`, 'b'],
  [`COALESCE(${NULL}, ${NULL})`, null],
  [`IFNULL(${NULL}, 'z')`, 'z'],
  ["IFNULL('a', 'z')", 'a'],
  ["NULLIF('a', 'a')", null],
  ["NULLIF('a', 'b')", 'a'],
  [`NULLIF('a', ${NULL})`, 'a'],
  [`NULLIF(${NULL}, 'a')`, null],
  ['NULLIF(ARRAY[1, 2], ARRAY[1, 2])', null],
  ["AS_VALUE('k')", 'k']
])
