#!/usr/bin/env node
import { statSync } from 'node:fs'

const [major, minor] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(`pith: error PITH_UNSUPPORTED: pith needs Node 22.18 or newer, and this is ${process.versions.node}`)
  console.error('hint: In a clone, npx pith runs it with the Node that npm install brings.')
  process.exit(1)
}

// The bundle starts twice as fast as the modules it is made of; in a clone it may be older than they are.
const age = (path) => statSync(new URL(path, import.meta.url), { throwIfNoEntry: false })?.mtimeMs ?? 0
const built = ['../dist', '../../core/dist', '../../text/dist'].map((dist) => age(`${dist}/.tsbuildinfo`))
await import(age('../dist/bundle/cli.js') > Math.max(...built) ? '../dist/bundle/cli.js' : '../dist/cli.js')
