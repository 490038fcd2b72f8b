import type { VerbSpec } from '@pith/core'
import { FORCE_OPTION } from './shared-options.ts'

const fit: VerbSpec = {
  name: 'fit',
  group: 'More',
  summary: 'learn a profile of a domain from examples',
  operands: [
    { name: 'DOMAIN', summary: 'what kind of data' },
    { name: 'DATA', summary: 'examples to learn from', min: 0, max: Number.POSITIVE_INFINITY, completes: 'file' },
  ],
  options: [
    { name: 'output', short: 'o', value: 'PROFILE', completes: 'file', summary: 'write the profile here' },
    FORCE_OPTION,
  ],
  examples: [{ line: 'pith fit logs app.log -o app.profile', what: 'what compress learns by itself, kept apart' }],
  load: () => import('../verbs/fit.ts'),
}

const systems: VerbSpec = {
  name: 'systems',
  group: 'More',
  summary: 'list the systems of pith and what backs them',
  operands: [{ name: 'ID', summary: 'only this one', min: 0 }],
  options: [],
  examples: [
    { line: 'pith systems', what: 'one line each' },
    { line: 'pith systems logzip', what: 'paper, entry points, differences, benchmark' },
  ],
  load: () => import('../verbs/systems.ts'),
}

const doctor: VerbSpec = {
  name: 'doctor',
  group: 'More',
  summary: 'check that this installation works',
  operands: [],
  options: [],
  examples: [{ line: 'pith doctor', what: 'exit code 0 if all is well' }],
  load: () => import('../verbs/doctor.ts'),
}

const completion: VerbSpec = {
  name: 'completion',
  plain: true,
  group: 'More',
  summary: 'print a completion script for a shell',
  operands: [{ name: 'SHELL', summary: 'bash, zsh or fish', choices: ['bash', 'zsh', 'fish'] }],
  options: [],
  examples: [
    { line: 'source <(pith completion bash)', what: 'for this shell; put it in ~/.bashrc for all' },
    { line: 'pith completion fish > ~/.config/fish/completions/pith.fish', what: 'for fish' },
  ],
  load: () => import('../verbs/completion.ts'),
}

const man: VerbSpec = {
  name: 'man',
  plain: true,
  group: 'More',
  summary: 'print the manual page',
  operands: [],
  options: [],
  examples: [{ line: 'pith man | man -l -', what: 'read it' }],
  load: () => import('../verbs/man.ts'),
}

const help: VerbSpec = {
  name: 'help',
  plain: true,
  group: 'More',
  summary: 'print help for a verb',
  operands: [{ name: 'VERB', summary: 'the verb', min: 0, max: Number.POSITIVE_INFINITY, completes: 'verb' }],
  options: [],
  examples: [{ line: 'pith help grep', what: 'options and examples of grep' }],
  load: () => import('../verbs/help.ts'),
}

export const ABOUT_VERBS: readonly VerbSpec[] = [fit, systems, doctor, completion, man, help]
