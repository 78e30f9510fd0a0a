// A spool of plain texts, for tests of either end.
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { SpoolReader } from '../../../gateway/visits/spool-reader.js'
import { SpoolWriter, type SpoolOptions } from '../../../gateway/visits/spool-writer.js'

export const openSpool = (directory: string, more: Partial<SpoolOptions> = {}) => {
  const writer = SpoolWriter.open({ directory, bytesMax: 1_000_000, segmentBytes: 4_096, ...more })
  const reader = new SpoolReader(directory, writer.state)
  /** Appends records as one turn of the event loop does; gives how many there was room for. */
  const append = (...texts: string[]): number => {
    let taken = 0
    for (const text of texts) {
      const offset = writer.reserve(text.length)
      if (offset < 0) continue
      writer.commit(offset + writer.buffer.write(text, offset, 'latin1'))
      taken++
    }
    writer.flush()
    return taken
  }
  /** Everything from a position on. */
  const all = (from = 0): { payloads: string[], next: number, damagedBytes: number } => {
    const payloads: string[] = []
    let [position, damagedBytes] = [from, 0]
    for (;;) {
      const batch = reader.read(position, 1_000)
      if (batch.next === position) return { payloads, next: position, damagedBytes }
      payloads.push(...batch.records.map(({ payload }) => payload.toString('latin1')))
      damagedBytes += batch.damagedBytes
      position = batch.next
    }
  }
  return { writer, reader, append, all }
}

export const segmentFiles = (directory: string): string[] =>
  readdirSync(directory).filter(name => name.endsWith('.spool')).sort().map(name => path.join(directory, name))
