// Request and response headers: the part of a frame that says which grammar the rest follows.
import type { Reader } from './reader.js'
import type { Writer } from './writer.js'

export interface RequestHeader {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  readonly clientId: string | null
}

// apiKey int16 · apiVersion int16 · correlationId int32 · clientId nullable string, never compact · [tagged fields, header version 2]
export function readRequestHeader (reader: Reader, isFlexible: (apiKey: number, apiVersion: number) => boolean): RequestHeader {
  reader.flexible = false
  const apiKey = reader.int16()
  const apiVersion = reader.int16()
  const correlationId = reader.int32()
  const clientId = reader.nullableString()
  if (isFlexible(apiKey, apiVersion)) {
    reader.flexible = true
    reader.taggedFields()
  }
  return { apiKey, apiVersion, correlationId, clientId }
}

export function writeRequestHeader (writer: Writer, header: RequestHeader, flexible: boolean): void {
  writer.flexible = false
  writer.int16(header.apiKey)
  writer.int16(header.apiVersion)
  writer.int32(header.correlationId)
  writer.nullableString(header.clientId)
  writer.flexible = flexible
  if (flexible) writer.unsignedVarint(0)
}

const API_VERSIONS_KEY = 18

/** Response header version 1 ends with tagged fields. ApiVersions always has version 0: its reader cannot know yet what the broker speaks (KIP-511). */
export function writeResponseHeader (writer: Writer, correlationId: number, apiKey: number): void {
  writer.int32(correlationId)
  if (writer.flexible && apiKey !== API_VERSIONS_KEY) writer.unsignedVarint(0)
}
