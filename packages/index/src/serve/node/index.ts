export { type ServeIndexOptions, serveIndex } from './server.ts'
