// Many tasks in hand, their results in the order of the items: so many items and bytes at a time, and no item is taken before there is room for it.

export interface OrderedOptions {
  readonly itemsMax: number
  readonly bytesMax: number
  /** Results that are ready are given together, up to about so many characters. */
  readonly pieceChars: number
}

interface Slot { readonly bytes: number, text: string | undefined }

class Bell {
  #ring: () => void = () => {}
  #rung: Promise<void> = Promise.resolve()

  constructor () {
    this.#arm()
  }

  #arm (): void {
    this.#rung = new Promise(resolve => { this.#ring = resolve })
  }

  ring (): void {
    this.#ring()
  }

  async wait (): Promise<void> {
    await this.#rung
    this.#arm()
  }
}

/**
 * Pieces of text: what `task` gives for each item, in order. A task must not reject. Ending the iteration takes no further items; tasks in hand go on.
 * @throws what reading the items throws, once the results before it were given.
 */
export async function * ordered<T extends { readonly bytes: number }> (
  items: AsyncIterator<T>, task: (item: T) => Promise<string>, { itemsMax, bytesMax, pieceChars }: OrderedOptions
): AsyncGenerator<string> {
  const slots: Slot[] = []
  const changed = new Bell()
  const room = new Bell()
  const end: { reached: boolean, failed: boolean, error: unknown } = { reached: false, failed: false, error: undefined }
  const inHand = { bytes: 0, stopped: false }
  const take = async (): Promise<void> => {
    while (!inHand.stopped) {
      while (!inHand.stopped && (slots.length >= itemsMax || (inHand.bytes >= bytesMax && slots.length > 0))) await room.wait()
      const next = await items.next()
      if (next.done === true || inHand.stopped) return
      const slot: Slot = { bytes: next.value.bytes, text: undefined }
      slots.push(slot)
      inHand.bytes += slot.bytes
      task(next.value).then(text => {
        slot.text = text
        if (slots[0] === slot) changed.ring()
      }, () => {}) // a task tells its failure as its text
    }
  }
  take().catch((error: unknown) => Object.assign(end, { failed: true, error })).finally(() => {
    end.reached = true
    changed.ring()
  })
  try {
    for (;;) {
      let piece = ''
      let done = 0
      while (done < slots.length && piece.length < pieceChars) {
        const { text, bytes: freed } = slots[done] as Slot
        if (text === undefined) break
        piece += text
        inHand.bytes -= freed
        done++
      }
      if (done > 0) {
        slots.splice(0, done)
        room.ring()
        yield piece
      } else if (end.reached && slots.length === 0) {
        if (end.failed) throw end.error
        return
      } else {
        await changed.wait()
      }
    }
  } finally {
    inHand.stopped = true
    room.ring()
    // not waited for: a read that is under way ends with the connection
    items.return?.().catch(() => {})
  }
}
