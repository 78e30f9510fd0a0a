// Reads QR codes by libraries that have no part in drawing them.
import jsqr from 'jsqr'
import { PNG } from 'pngjs'

const decode = jsqr as unknown as (data: Uint8ClampedArray, width: number, height: number) => { readonly data: string } | null

export interface Picture { readonly width: number, readonly height: number, readonly data: Uint8ClampedArray }

export const readPng = (bytes: Buffer): Picture => {
  const { width, height, data } = PNG.sync.read(bytes)
  return { width, height, data: new Uint8ClampedArray(data) }
}

/** An SVG of horizontal strokes, painted with so many pixels a module. */
export const paintSvg = (svg: string, pixels = 8): Picture => {
  const modules = Number(/viewBox="0 0 (\d+) \1"/.exec(svg)?.[1])
  const side = modules * pixels
  const data = new Uint8ClampedArray(side * side * 4).fill(255)
  const strokes = /stroke="[^"]+" d="([^"]+)"/.exec(svg)?.[1] ?? ''
  let [x, y] = [0, 0]
  for (const [, command, numbers = ''] of strokes.matchAll(/([Mmh])([^Mmh]*)/g)) {
    const [a = 0, b = 0] = numbers.trim().split(/[ ,]+/).map(Number)
    if (command === 'M') [x, y] = [a, b]
    else if (command === 'm') [x, y] = [x + a, y + b]
    else {
      for (let row = Math.floor(y) * pixels; row < (Math.floor(y) + 1) * pixels; row++) {
        for (let column = x * pixels; column < (x + a) * pixels; column++) data.fill(0, (row * side + column) * 4, (row * side + column) * 4 + 3)
      }
      x += a
    }
  }
  return { width: side, height: side, data }
}

/** What a code says; null where there is none to be read. */
export const readQr = ({ data, width, height }: Picture): string | null => decode(data, width, height)?.data ?? null
