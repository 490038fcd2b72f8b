/** Nodes that no output needs are left out; inputs stay, so that the program is called as before. */
import { type Program, type Rebuilt, rebuild } from './rebuild.ts'

export function dce(program: Program): Rebuilt {
  return rebuild(program)
}
