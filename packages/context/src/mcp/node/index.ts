export { type McpOptions, makeMcpServer } from './server.ts'
