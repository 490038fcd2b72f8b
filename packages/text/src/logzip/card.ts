import type { SystemCard } from '@pith/core'

/** What logzip is, where it comes from and what backs its claims. */
export const card: SystemCard = {
  id: 'logzip',
  title: 'Logzip: logs as templates and columns',
  paper: {
    title: 'Logzip: Extracting Hidden Structures via Iterative Clustering for Log Compression',
    arxiv: '1910.00409',
    year: 2019,
  },
  summary:
    'Logs smaller than xz makes them, and searched without unpacking: lines become templates, times, numbers and dictionaries, each coded by what it is.',
  entryPoints: [
    'pith compress app.log',
    'pith grep ERROR app.log.pith',
    'pith templates app.log.pith',
    "import { logzipCodec } from '@pith/text/logzip'",
  ],
  differences: [
    'Lossless byte for byte: the released code loses spaces, line ends and bytes that are not UTF-8, and has no decompressor.',
    'Templates are found without a header format given by the user: columns are named by the text before them.',
    'Signatures are exact and merged by description length, where the paper clusters sampled lines iteratively.',
    'Numbers, times and references between columns are predicted; the paper keeps one dictionary of strings.',
  ],
  benchmark: 'logzip',
}
