// The site's settings. Which pages it has, and what becomes of their links, is in scripts/site.
import { createRequire } from 'node:module'
import { defineConfig } from 'vitepress'

const require = createRequire(import.meta.url)
const { description, name } = require('../../package.json')
const { PROJECT } = require('../../scripts/release/manifests.js')
const { adaptPages } = require('../../scripts/site/markdown.js')
const { anchorOf, makeSidebar, readReferenceSidebar } = require('../../scripts/site/pages.js')

const { repository } = PROJECT

export default defineConfig({
  lang: 'en',
  title: name,
  description,
  srcDir: 'pages',
  markdown: {
    anchor: { slugify: anchorOf },
    config: (md) => md.use(adaptPages(repository)),
  },
  // The index of the search is one file.
  vite: { build: { chunkSizeWarningLimit: 2000 } },
  themeConfig: {
    search: {
      provider: 'local',
      // Who looks for an option wants the page about it before its type. This is run in the browser.
      options: {
        miniSearch: {
          searchOptions: {
            boostDocument: (/** @type {string} */ id) => (id.includes('/reference/') ? 0.3 : 1),
          },
        },
      },
    },
    outline: [2, 3],
    sidebar: {
      '/': makeSidebar(),
      '/reference/': [{ items: [{ text: 'Documentation', link: '/' }] }, ...readReferenceSidebar()],
    },
    ...(repository && { socialLinks: [{ icon: 'github', link: repository }] }),
  },
})
