// What pages that decode with several threads bundle as worker.js.
import '@pith/text/logzip/worker'
