/** The room that matches lines as GNU grep does. */
export { compileMatcher, type Matcher, parseTimeRange, type TimeRange } from '@pith/text/search'
