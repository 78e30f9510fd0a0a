// QR codes of short URLs, as SVG or PNG.
import { createHash } from 'node:crypto'
import qrcode from 'qrcode'

export interface QrOptions {
  readonly format: 'svg' | 'png'
  /** Width and height in pixels. */
  readonly size: number
  /** In modules, the squares of the code; the standard asks for 4. */
  readonly margin: number
  /** RRGGBB or RRGGBBAA. */
  readonly color: string
  readonly background: string
  /** Of error correction: about 7, 15, 25 or 30 percent may be unreadable. */
  readonly level: 'L' | 'M' | 'Q' | 'H'
}

/** The picture of a text. */
export const drawQr = async (text: string, { format, size, margin, color, background, level }: QrOptions): Promise<Buffer> => {
  const options = { width: size, margin, errorCorrectionLevel: level, color: { dark: `#${color}`, light: `#${background}` } }
  if (format === 'png') return await qrcode.toBuffer(text, { ...options, type: 'png' })
  return Buffer.from(await qrcode.toString(text, { ...options, type: 'svg' }), 'utf8')
}

/** The same for the same text and options, so that a picture need not be drawn to tell that it has not changed. */
export const qrTag = (text: string, options: QrOptions): string => {
  const { format, size, margin, color, background, level } = options
  return `"${createHash('sha256').update(JSON.stringify([text, format, size, margin, color, background, level])).digest('base64url').slice(0, 22)}"`
}
