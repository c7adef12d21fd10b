// pixelmatch over pairs of PNGs. Each line of the input is {before, after, threshold}; each line of
// the output {pixels, ms}: how many pixels it counts as changed, and CPU time with decoding.
import fs from 'node:fs'
import readline from 'node:readline'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

const require = createRequire(process.argv[2] + '/x.js')
const { default: pixelmatch } = await import(pathToFileURL(require.resolve('pixelmatch')))
const { PNG } = require('pngjs')

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { before, after, threshold } = JSON.parse(line)
  const begun = process.cpuUsage()
  const one = PNG.sync.read(fs.readFileSync(before))
  const two = PNG.sync.read(fs.readFileSync(after))
  const pixels = pixelmatch(one.data, two.data, null, one.width, one.height, { threshold })
  const used = process.cpuUsage(begun)
  console.log(JSON.stringify({ pixels, ms: (used.user + used.system) / 1000 }))
}
