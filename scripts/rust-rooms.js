// `node scripts/rust-rooms.js`: fails when modules of the Rust crates import each other in a circle, or when a room of src/ uses
// one above it. What it reads are `use` declarations and written-out `crate::` paths; tests may import what they like.
'use strict'

const fs = require('node:fs')
const path = require('node:path')

/** Each may use those behind it. What core has is another crate, which cannot use these. */
const ROOMS = ['edge', 'engine', 'mongo']

/** @param {string} folder @returns {Map<string, string>} the source of each module, by its path in the crate: `edge::store` */
function modulesOf(folder) {
  const files = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const product = files.filter((file) => file.endsWith('.rs') && !/(^|[\\/])tests(\.rs|[\\/])/.test(file))
  return new Map(
    product.map((file) => {
      const source = fs.readFileSync(path.join(folder, file), 'utf8')
      const name = file.replace(/(^|[\\/])(mod|lib)\.rs$|\.rs$/, '').replaceAll(/[\\/]/g, '::')
      return [name, source.replace(/#\[cfg\(test\)\]\nmod tests \{.*/s, '').replaceAll(/\/\/.*/g, '')]
    })
  )
}

/** `a::{b, c::{d, e}}` as `a::b`, `a::c::d`, `a::c::e`. @param {string} tree @returns {string[]} */
function expanded(tree) {
  const [, prefix = '', list = ''] = /^([^{]*)\{(.*)\}$/.exec(tree) ?? []
  if (!list) return [tree]
  let depth = 0
  const parts = ['']
  for (const letter of list) {
    depth += Number(letter === '{') - Number(letter === '}')
    if (letter === ',' && depth === 0) parts.push('')
    else parts.push(`${parts.pop()}${letter}`)
  }
  return parts.filter(Boolean).flatMap((part) => expanded(prefix + part))
}

/** @param {string} name @param {string} source @param {Map<string, string>} modules @returns {Set<string>} what it imports */
function importsOf(name, source, modules) {
  const uses = [...source.matchAll(/\buse ([^;]+);/g)].flatMap(([, tree]) =>
    expanded(tree.replaceAll(/\s/g, ''))
  )
  const written = source.match(/\bcrate(::\w+)+/g) ?? []
  const imports = [...uses, ...written].map((found) => {
    const parent = name.replace(/(^|::)\w+$/, '')
    const inside = `${name}::${found.replace(/^self::/, '')}`
    const absolute = found.replace(/^crate::/, '').replace(/^super::/, parent && `${parent}::`)
    const segments = (absolute === found ? inside : absolute).split('::')
    while (segments.length > 0 && !modules.has(segments.join('::'))) segments.pop()
    return segments.join('::')
  })
  // What a module has for its own submodules, they take from it: that is no circle.
  return new Set(imports.filter((found) => found !== name && found && !name.startsWith(`${found}::`)))
}

/** @param {Map<string, Set<string>>} graph @param {string[]} trail @param {Set<string>} done @returns {string[] | undefined} */
function findCircle(graph, trail, done) {
  const last = /** @type {string} */ (trail.at(-1))
  for (const next of graph.get(last) ?? []) {
    if (trail.includes(next)) return [...trail.slice(trail.indexOf(next)), next]
    const circle = done.has(next) ? undefined : findCircle(graph, [...trail, next], done)
    if (circle) return circle
  }
  done.add(last)
}

for (const source of ['src', 'core/src']) {
  const modules = modulesOf(path.join(__dirname, '..', source))
  const graph = new Map([...modules].map(([name, text]) => [name, importsOf(name, text, modules)]))
  const done = new Set()
  const circle = [...graph.keys()].map((name) => findCircle(graph, [name], done)).find(Boolean)
  const problems = circle ? [`these import each other in a circle: ${circle.join(' → ')}`] : []
  for (const [name, imports] of graph) {
    const rooms = ROOMS.slice(0, Math.max(0, ROOMS.indexOf(name.split('::')[0])))
    const above = [...imports].filter((one) => rooms.includes(one.split('::')[0]))
    problems.push(...above.map((one) => `${name} must not use ${one}, which is in a room above it`))
  }
  if (problems.length > 0) process.exitCode = 1
  console.log(problems.map((one) => `${source}: ${one}`).join('\n') || `${source}: no circle`)
}
