import { createHmac } from 'node:crypto'
import t from 'tap'
import { hmacSha256 } from '../../../gateway/erasure/hmac.js'
import { randomFrom } from '../../helpers/random.js'

t.test('RFC 4231, test cases 1, 2, 6 and 7: keys shorter and longer than 32 bytes', async t => {
  const cases: ReadonlyArray<readonly [key: Buffer, message: string, digest: string]> = [
    [Buffer.alloc(20, 0x0b), 'Hi There', 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [Buffer.from('Jefe'), 'what do ya want for nothing?', '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'],
    [Buffer.alloc(131, 0xaa), 'Test Using Larger Than Block-Size Key - Hash Key First', '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54'],
    [
      Buffer.alloc(131, 0xaa),
      'This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.',
      '9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2'
    ]
  ]
  for (const [key, message, digest] of cases) t.equal(hmacSha256(key, message).toString('hex'), digest, message)
})

t.test('keys of 32 bytes: as node:crypto makes it, whatever came before', async t => {
  const random = randomFrom(11)
  const characters = ['a', '0', 'é', '€', '😀', '\0', '\ud800']
  let wrong = 0
  for (let round = 0; round < 3_000; round++) {
    const key = Buffer.from(Array.from({ length: 32 }, () => Math.floor(random() * 256)))
    const message = Array.from({ length: Math.floor(random() * 140) }, () => characters[Math.floor(random() * characters.length)] as string).join('')
    if (!hmacSha256(key, message).equals(createHmac('sha256', key).update(message, 'utf8').digest())) wrong++
  }
  t.equal(wrong, 0)
})
