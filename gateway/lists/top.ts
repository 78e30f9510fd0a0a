// The first k of many, in an order, while never holding more than k: a binary heap with the last of them on top.

export class Top<T> {
  readonly #before: (a: T, b: T) => boolean
  readonly #max: number
  readonly #heap: T[] = []

  /** @param before whether a stands before b; no two may be equal. */
  constructor (max: number, before: (a: T, b: T) => boolean) {
    this.#max = max
    this.#before = before
  }

  get full (): boolean {
    return this.#heap.length >= this.#max
  }

  /** Whether it would be among the first as they stand. */
  takes (item: T): boolean {
    const last = this.#heap[0]
    return !this.full || (last !== undefined && this.#before(item, last))
  }

  offer (item: T): void {
    if (!this.full) {
      this.#heap.push(item)
      this.#up(this.#heap.length - 1)
    } else if (this.takes(item)) {
      this.#heap[0] = item
      this.#down(0)
    }
  }

  /** All that are held, in order. */
  sorted (): T[] {
    return [...this.#heap].sort((a, b) => this.#before(a, b) ? -1 : 1)
  }

  #at (index: number): T {
    return this.#heap[index] as T
  }

  #swap (a: number, b: number): void {
    [this.#heap[a], this.#heap[b]] = [this.#at(b), this.#at(a)]
  }

  #up (index: number): void {
    for (let child = index; child > 0;) {
      const parent = (child - 1) >> 1
      if (!this.#before(this.#at(parent), this.#at(child))) return
      this.#swap(parent, child)
      child = parent
    }
  }

  #down (index: number): void {
    for (let parent = index; ;) {
      let last = parent
      for (const child of [2 * parent + 1, 2 * parent + 2]) {
        if (child < this.#heap.length && this.#before(this.#at(last), this.#at(child))) last = child
      }
      if (last === parent) return
      this.#swap(last, parent)
      parent = last
    }
  }
}
