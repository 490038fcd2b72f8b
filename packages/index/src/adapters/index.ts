export { type IndexRows, type IndexRowsOptions, indexRows } from './index-rows.ts'
export { type OpensearchOptions, opensearchBulk, opensearchMapping, opensearchQuery } from './opensearch.ts'
export {
  type PgvectorClient,
  type PgvectorOptions,
  type PgvectorStatement,
  pgvectorQuery,
  pgvectorSql,
  searchPgvector,
} from './pgvector.ts'
export { type QdrantOptions, type QdrantRequest, qdrantQuery, qdrantRequests } from './qdrant.ts'
export type { ExportHit, ExportQuery, ExportRow, ExportShape } from './rows.ts'
export {
  type SqliteVecDatabase,
  type SqliteVecOptions,
  type SqliteVecStatement,
  searchSqliteVec,
  sqliteVecQuery,
  sqliteVecSql,
} from './sqlite-vec.ts'
