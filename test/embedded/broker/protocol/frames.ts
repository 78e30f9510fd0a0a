// Frames as a client sends them: header and request, without the size in front.
import type { Api } from '../../../../embedded/broker/protocol/api.js'
import { APIS, type ApiName } from '../../../../embedded/broker/protocol/apis.js'
import { writeRequestHeader } from '../../../../embedded/broker/protocol/header.js'
import { Writer } from '../../../../embedded/broker/protocol/writer.js'
import { SAMPLES } from './samples.js'

export function frameOf (name: ApiName, version: number, request: unknown, correlationId = 7): Buffer {
  const api = APIS[name] as Api
  const writer = new Writer()
  writeRequestHeader(writer, { apiKey: api.key, apiVersion: version, correlationId, clientId: 'test' }, version >= api.flexibleFrom)
  api.request.write(writer, request, version)
  return writer.toBuffer()
}

/** A frame of every API in every version. */
export function everyFrame (): { name: ApiName, version: number, frame: Buffer }[] {
  const names = Object.keys(SAMPLES) as ApiName[]
  return names.flatMap(name => {
    const { minVersion, maxVersion } = APIS[name]
    const versions = Array.from({ length: maxVersion - minVersion + 1 }, (_, i) => minVersion + i)
    return versions.map(version => ({ name, version, frame: frameOf(name, version, SAMPLES[name]) }))
  })
}
