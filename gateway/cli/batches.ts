// Puts what comes one by one into batches: full ones where it comes fast, and what there is where it comes slowly.

export interface BatchBounds {
  readonly itemsMax: number
  readonly bytesMax: number
  /** How long the first of a batch waits for others. */
  readonly waitMs: number
}

export async function * batches<T extends { readonly input: string }> (
  items: AsyncIterator<T>, { itemsMax, bytesMax, waitMs }: BatchBounds
): AsyncGenerator<T[], void, undefined> {
  let next: Promise<IteratorResult<T>> | undefined
  for (;;) {
    const batch: T[] = []
    let bytes = 0
    let timer: NodeJS.Timeout | undefined
    let late: Promise<undefined> | undefined
    while (batch.length < itemsMax && bytes < bytesMax) {
      next ??= items.next()
      const taken = late === undefined ? await next : await Promise.race([next, late])
      if (taken === undefined) break
      if (taken.done === true) {
        clearTimeout(timer)
        if (batch.length > 0) yield batch
        return
      }
      next = undefined
      batch.push(taken.value)
      bytes += Buffer.byteLength(taken.value.input)
      late ??= new Promise<undefined>((resolve) => { timer = setTimeout(resolve, waitMs, undefined) })
    }
    clearTimeout(timer)
    next?.catch(() => {}) // seen when it is taken
    yield batch
  }
}
