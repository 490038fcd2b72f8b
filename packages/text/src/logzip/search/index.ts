export { compileMatcher, type Matcher, type MatcherOptions } from './matcher.ts'
export type { OnLine } from './scan.ts'
export { parseTime, parseTimeRange, type TimePoint, type TimeRange } from './time.ts'
