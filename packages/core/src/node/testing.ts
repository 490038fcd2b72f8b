export * from './faulty-files.ts'
