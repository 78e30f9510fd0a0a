// What a redirect rule is held against: the facts of a request, each worked out only when a rule asks for it.
import { classifyAgent, countryCode, type Agent } from '../visits/agent.js'

/** Places of a draw: hundredths of a percent. */
export const drawPlaces = 10_000

/** What can be known of a visitor. Undefined is not known (a recorded visit tells less than a request); null is known to be absent. */
export interface RuleFacts {
  readonly device: string
  readonly os: string
  readonly browser: string
  /** The first language of Accept-Language in lower case, such as de-at. */
  readonly language: string | null
  /** False where only the primary subtag of the language is known. */
  readonly isLanguageWhole: boolean
  /** ISO 3166-1 alpha-2, upper case. */
  readonly country: string | null
  readonly query: URLSearchParams | undefined
  /** Milliseconds since 1970. */
  readonly at: number
  /** The visitor's place in the draw of this name: a whole number from 0, below drawPlaces. */
  draw (name: string): number | undefined
}

/** A place from 0, below drawPlaces, that is the same for one link, draw, address and agent at any time. */
export type VisitorDraw = (link: string, draw: string, address: string, agent: string) => number

/** A request as it came. */
export interface RuleRequest {
  readonly link: string
  readonly userAgent: string | undefined
  /** Accept-Language. */
  readonly language: string | undefined
  /** The trusted header. */
  readonly country: string | undefined
  /** The query string, without its question mark. */
  readonly query: string
  readonly at: number
  /** Undefined where it is not known: no draw can be told then. */
  readonly address: string | undefined
}

/** The first language of Accept-Language whole, lower case; null where there is none. Its primary subtag is what a visit records. */
export const languageTag = (header: string | undefined): string | null =>
  /^\s*([A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3})(?=[,;\s]|$)/.exec(header ?? '')?.[1]?.toLowerCase() ?? null

export class RuleRequestFacts implements RuleFacts {
  readonly isLanguageWhole = true
  readonly #request: RuleRequest
  readonly #visitorDraw: VisitorDraw
  #agent: Agent | undefined
  #query: URLSearchParams | undefined

  constructor (request: RuleRequest, visitorDraw: VisitorDraw) {
    this.#request = request
    this.#visitorDraw = visitorDraw
  }

  get #classified (): Agent {
    this.#agent ??= classifyAgent(this.#request.userAgent)
    return this.#agent
  }

  get device (): string { return this.#classified.device }
  get os (): string { return this.#classified.os }
  get browser (): string { return this.#classified.browser }
  get language (): string | null { return languageTag(this.#request.language) }
  get country (): string | null { return countryCode(this.#request.country) }
  get at (): number { return this.#request.at }

  get query (): URLSearchParams {
    this.#query ??= new URLSearchParams(this.#request.query)
    return this.#query
  }

  draw (name: string): number | undefined {
    const { link, address, userAgent } = this.#request
    return address === undefined ? undefined : this.#visitorDraw(link, name, address, userAgent ?? '')
  }
}
