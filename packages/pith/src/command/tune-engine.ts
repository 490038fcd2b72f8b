/** From this V8 on, and on these processors, the last compiler but one (Maglev) makes code that is fast enough. */
const MAGLEV_V8 = 13
const MAGLEV_ARCH: readonly string[] = ['x64', 'arm64']

/**
 * Whether V8's last compiler (TurboFan) runs. The inner loops of logs are WebAssembly: what it makes anew of the rest, on other
 * threads, does not pay within a call. Without it, compressing 64 MB takes a sixth less processor time, searching and decoding a
 * fifth.
 */
export function useTurbofan(on: boolean): void {
  if (Number.parseInt(process.versions.v8, 10) < MAGLEV_V8 || !MAGLEV_ARCH.includes(process.arch)) return
  process.getBuiltinModule('node:v8').setFlagsFromString(on ? '--turbofan' : '--no-turbofan')
}
