// SASL on a connection: PLAIN (RFC 4616) and SCRAM-SHA-256 (RFC 5802, RFC 7677). Off unless users are given.
import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto'

export interface SaslUser { readonly username: string, readonly password: string }

export const SASL_MECHANISMS = ['PLAIN', 'SCRAM-SHA-256'] as const
export type SaslMechanism = typeof SASL_MECHANISMS[number]

const ITERATIONS = 4096
const FAILED = 'Authentication failed: Invalid username or password'

/** The exchange did not end in a known user. */
export class SaslError extends Error {
  constructor (message: string) {
    super(message)
    this.name = 'SaslError'
  }
}

interface Credentials { readonly plain: Buffer, readonly salt: Buffer, readonly storedKey: Buffer, readonly serverKey: Buffer }

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
const sha256 = (data: Buffer): Buffer => createHash('sha256').update(data).digest()

/** The users of a broker, with what SCRAM needs of their passwords worked out once. */
export class SaslUsers {
  readonly #users = new Map<string, Credentials>()
  /** For unknown names: the exchange goes on, so that it does not tell which names exist. */
  readonly #secret = randomBytes(32)

  constructor (users: readonly SaslUser[]) {
    for (const { username, password } of users) {
      const salt = randomBytes(16)
      const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256')
      const clientKey = hmac(salted, 'Client Key')
      this.#users.set(username, { plain: sha256(Buffer.from(password)), salt, storedKey: sha256(clientKey), serverKey: hmac(salted, 'Server Key') })
    }
  }

  checkPlain (username: string, password: string): boolean {
    const known = this.#users.get(username)
    return timingSafeEqual(sha256(Buffer.from(password)), known?.plain ?? this.#secret) && known !== undefined
  }

  get (username: string): Credentials | undefined { return this.#users.get(username) }
  saltFor (username: string): Buffer { return this.#users.get(username)?.salt ?? hmac(this.#secret, username).subarray(0, 16) }
}

/** One client's exchange. `next` takes its message and gives the answer; `username` is set once it is done. */
export class SaslExchange {
  readonly #users: SaslUsers
  readonly #mechanism: SaslMechanism
  #scram: { username: string, clientFirstBare: string, serverFirst: string, nonce: string, header: string } | undefined
  username: string | undefined

  constructor (users: SaslUsers, mechanism: SaslMechanism) {
    this.#users = users
    this.#mechanism = mechanism
  }

  /** Throws SaslError. */
  next (message: Buffer): Buffer {
    if (this.#mechanism === 'PLAIN') return this.#plain(message)
    return this.#scram === undefined ? this.#scramFirst(message.toString()) : this.#scramFinal(message.toString())
  }

  // [authzid] NUL authcid NUL passwd
  #plain (message: Buffer): Buffer {
    const [authorization, username, password, ...rest] = message.toString().split('\0')
    if (username === undefined || password === undefined || rest.length > 0) throw new SaslError('Invalid SASL/PLAIN response: expected 3 tokens')
    if (authorization !== '' && authorization !== username) {
      throw new SaslError('Authentication failed: Client requested an authorization id that is different from username')
    }
    if (!this.#users.checkPlain(username, password)) throw new SaslError(FAILED)
    this.username = username
    return Buffer.alloc(0)
  }

  // gs2 header ("n,,") · n=username · r=nonce
  #scramFirst (message: string): Buffer {
    const match = /^(n,(?:a=([^,]*))?,)(n=([^,]*),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/s.exec(message)
    if (match === null) throw new SaslError('Invalid SCRAM client first message')
    const [, header = '', , clientFirstBare = '', name = '', clientNonce = ''] = match
    const username = name.replaceAll('=2C', ',').replaceAll('=3D', '=')
    const nonce = clientNonce + randomBytes(18).toString('base64url')
    const serverFirst = `r=${nonce},s=${this.#users.saltFor(username).toString('base64')},i=${ITERATIONS}`
    this.#scram = { username, clientFirstBare, serverFirst, nonce, header }
    return Buffer.from(serverFirst)
  }

  // c=base64(gs2 header) · r=nonce · p=base64(proof)
  #scramFinal (message: string): Buffer {
    const { username, clientFirstBare, serverFirst, nonce, header } = this.#scram!
    const match = /^(c=([^,]*),r=([^,]*)(?:,.*)?),p=([^,]*)$/s.exec(message)
    if (match === null) throw new SaslError('Invalid SCRAM client final message')
    const [, withoutProof = '', channel = '', theirNonce = '', proofText = ''] = match
    const user = this.#users.get(username)
    const proof = Buffer.from(proofText, 'base64')
    if (user === undefined || theirNonce !== nonce || proof.length !== 32 || channel !== Buffer.from(header).toString('base64')) throw new SaslError(FAILED)
    const authMessage = `${clientFirstBare},${serverFirst},${withoutProof}`
    const signature = hmac(user.storedKey, authMessage)
    const clientKey = Buffer.from(proof.map((byte, i) => byte ^ signature[i]!))
    if (!timingSafeEqual(sha256(clientKey), user.storedKey)) throw new SaslError(FAILED)
    this.username = username
    return Buffer.from(`v=${hmac(user.serverKey, authMessage).toString('base64')}`)
  }
}
