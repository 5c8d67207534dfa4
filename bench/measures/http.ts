import type { Measure } from '../context.ts'

export const http: Measure = async () => ({ figures: [], comparisons: [] })
