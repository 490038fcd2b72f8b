export { type PromptProxy, type ProxyEvent, type ProxyOptions, type ProxyTotals, serveProxy } from './proxy.ts'
