// Shows how far an import has come: a bar on a terminal, nothing where the output goes to a file or another program.
import cliProgress from 'cli-progress'

export interface Counts { created: number, existing: number, rejected: number }

export interface Progress {
  update (doneBytes: number, counts: Readonly<Counts>): void
  stop (): void
}

/** @param totalBytes size of the file, or undefined where it is not known (standard input): then only the counts are shown */
export function startProgress (stream: NodeJS.WriteStream, totalBytes: number | undefined): Progress {
  if (!stream.isTTY) return { update () {}, stop () {} }
  const counts = '{created} created, {existing} already there, {rejected} rejected'
  const bar = new cliProgress.SingleBar({
    stream,
    format: totalBytes === undefined ? counts : `{bar} {percentage}% | ${counts} | {eta_formatted}`,
    hideCursor: true,
    clearOnComplete: true,
    stopOnComplete: false,
    gracefulExit: false,
    fps: 10
  }, cliProgress.Presets.shades_classic)
  // A bar of length 0 would be complete before it starts.
  bar.start(Math.max(1, totalBytes ?? 1), 0, { created: 0, existing: 0, rejected: 0 })
  return {
    update: (doneBytes, current) => bar.update(totalBytes === undefined ? 0 : doneBytes, { ...current }),
    stop: () => bar.stop()
  }
}
