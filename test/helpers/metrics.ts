// Reads what Prometheus is told: the text exposition format 0.0.4.

/** The value of one sample, its labels written as in the text; undefined where there is none. */
export const sample = (text: string, name: string): number | undefined => {
  const line = text.split('\n').find((line) => line.startsWith(`${name} `))
  return line === undefined ? undefined : Number(line.slice(name.length + 1))
}
