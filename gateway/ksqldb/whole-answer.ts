// Asks over HTTP for an answer that is taken as one text. Pull queries come by the thousand a second: of undici this is the plain dispatch, without
// a stream for each answer.
import type { Dispatcher } from 'undici'

export interface WholeAnswer { readonly statusCode: number, readonly text: string }

class Gathering implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: WholeAnswer) => void
  readonly #reject: (error: Error) => void
  #statusCode = 0
  #chunks: Buffer[] = []

  constructor (resolve: (answer: WholeAnswer) => void, reject: (error: Error) => void) {
    this.#resolve = resolve
    this.#reject = reject
  }

  onRequestStart (): void {
    // once more where undici itself asks again, on another connection
    this.#chunks = []
  }

  onResponseStart (_: Dispatcher.DispatchController, statusCode: number): void {
    this.#statusCode = statusCode
  }

  onResponseData (_: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk)
  }

  onResponseEnd (): void {
    const [first] = this.#chunks
    const bytes = first !== undefined && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks)
    this.#resolve({ statusCode: this.#statusCode, text: bytes.toString() })
  }

  onResponseError (_: Dispatcher.DispatchController, error: Error): void {
    this.#reject(error)
  }
}

/** @throws undici's error where the server could not be reached, or did not answer within the time-outs of `request`. */
export const askWhole = (dispatcher: Dispatcher, request: Dispatcher.DispatchOptions): Promise<WholeAnswer> =>
  new Promise((resolve, reject) => { dispatcher.dispatch(request, new Gathering(resolve, reject)) })
