/** What a user should know about one system; `pith systems`, the docs and the studio are drawn from it. */
export interface SystemCard {
  /** Name of the system as the field knows it: `logzip`. */
  readonly id: string
  readonly title: string
  readonly paper?: SystemPaper
  /** What it does for a user, one or two sentences. */
  readonly summary: string
  /** Where to call it: commands and imports. */
  readonly entryPoints: readonly string[]
  /** What differs from the paper, and why. */
  readonly differences: readonly string[]
  /** Name of the benchmark that backs the claim, for `npm run bench -- NAME`; undefined says that there is none. */
  readonly benchmark?: string
}

/** The paper that a system follows. */
export interface SystemPaper {
  readonly title: string
  /** arXiv id such as `2404.18812`, or a DOI. */
  readonly arxiv?: string
  readonly doi?: string
  readonly year: number
}
