// A histogram for the hot path: an observation is two additions to arrays, and Prometheus' form is made only when it is asked for.

/** Upper bounds in seconds, as Prometheus wants them; what lies above the last is in +Inf. */
export const bucketsSeconds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const

interface Sample { readonly labels: Readonly<Record<string, string>>, readonly metricName: string, readonly value: number }

interface Series { readonly counts: Float64Array, sum: number }

/** Latencies told apart by one label whose values are known from the start, or come as they do up to a bound. */
export class Latencies {
  readonly #label: string
  readonly #series = new Map<string, Series>()
  readonly #seriesMax: number

  constructor (label: string, values: readonly string[] = [], seriesMax = 100) {
    this.#label = label
    this.#seriesMax = seriesMax
    for (const value of values) this.#open(value)
  }

  #open (value: string): Series {
    const series = { counts: new Float64Array(bucketsSeconds.length + 1), sum: 0 }
    this.#series.set(value, series)
    return series
  }

  /** Beyond the bound of series, new values of the label are counted together as `other`. */
  observe (value: string, seconds: number): void {
    const series = this.#series.get(value) ?? (this.#series.size < this.#seriesMax ? this.#open(value) : this.#series.get('other') ?? this.#open('other'))
    let bucket = 0
    while (bucket < bucketsSeconds.length && seconds > (bucketsSeconds[bucket] as number)) bucket++
    series.counts[bucket] = (series.counts[bucket] as number) + 1
    series.sum += seconds
  }

  /** The samples of a Prometheus histogram: cumulative buckets, sum and count for each value of the label. */
  samples (name: string): readonly Sample[] {
    return [...this.#series].flatMap(([value, { counts, sum }]) => {
      const labels = { [this.#label]: value }
      let below = 0
      const buckets = [...counts].map((count, at) => {
        below += count
        return { labels: { ...labels, le: at < bucketsSeconds.length ? String(bucketsSeconds[at]) : '+Inf' }, metricName: `${name}_bucket`, value: below }
      })
      return [...buckets, { labels, metricName: `${name}_sum`, value: sum }, { labels, metricName: `${name}_count`, value: below }]
    })
  }
}
