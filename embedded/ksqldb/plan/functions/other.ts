// GEO_DISTANCE and AS_VALUE: what belongs to no other category.
import { DOUBLE, STRING } from '../../sql/sql-type.js'
import type { ScalarFunction } from '../function.js'
import type { Value } from '../value.js'
import { T, param, scalar, signature, strict } from './define.js'

/** The Earth's mean radius. */
const RADIUS_KM = 6371
const RADIUS_MILES = 3959
const MILES = ['mi', 'mile', 'miles']
const KILOMETRES = ['km', 'kilometer', 'kilometers', 'kilometre', 'kilometres']

function radiusIn (units: string | null): number {
  const unit = units?.trim().toLowerCase() ?? ''
  if (unit === '' || KILOMETRES.includes(unit)) return RADIUS_KM
  if (MILES.includes(unit)) return RADIUS_MILES
  throw new Error(`GEO_DISTANCE gives distances in one of ${[...MILES, ...KILOMETRES].join(', ')}, not '${unit}'`)
}

const radians = (degrees: number): number => degrees * Math.PI / 180
const haversine = (angle: number): number => Math.sin(angle / 2) ** 2

/** Along a great circle; degrees in, `units` out. */
function distance (lat1: number | null, lon1: number | null, lat2: number | null, lon2: number | null, units: string | null = null): Value {
  if (lat1 === null || lon1 === null || lat2 === null || lon2 === null) return null
  if (Math.abs(lat1) > 90 || Math.abs(lat2) > 90) throw new Error('GEO_DISTANCE takes latitudes from -90 to 90')
  if (Math.abs(lon1) > 180 || Math.abs(lon2) > 180) throw new Error('GEO_DISTANCE takes longitudes from -180 to 180')
  const radius = radiusIn(units)
  const a = haversine(radians(lat2 - lat1)) + haversine(radians(lon2 - lon1)) * Math.cos(radians(lat1)) * Math.cos(radians(lat2))
  return 2 * Math.asin(Math.sqrt(a)) * radius
}

const points = ['lat1', 'lon1', 'lat2', 'lon2'].map(name => param(name, DOUBLE, 'decimal degrees'))

export const otherFunctions: readonly ScalarFunction[] = [
  scalar('GEO_DISTANCE', 'OTHER', 'The distance of two points on the Earth, in kilometres or in the units given.', [
    signature([...points, param('units', STRING, 'MILES or KM')], DOUBLE, distance),
    signature(points, DOUBLE, distance)]),
  scalar('AS_VALUE', 'OTHER', 'Copies a key column into the value.', [signature([param('keyColumn', T)], T, strict((value: Value) => value))])
]
