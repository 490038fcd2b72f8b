/** Dead code. */
import { type Program, type Rebuilt, rebuild } from './rebuild.ts'

/** Leave out nodes that no output needs; inputs stay, so that the program is called as before. */
export function dce(program: Program): Rebuilt {
  return rebuild(program)
}
