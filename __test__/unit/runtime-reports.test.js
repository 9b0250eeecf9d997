// The reports of Bun and Deno, as they have been written, for `npm run test:runtimes`.
'use strict'

const assert = require('node:assert/strict')
const { test } = require('node:test')
const { readReport } = require('../../scripts/runtimes/report.js')

const BUN = `<testsuites name="bun test" tests="4" assertions="0" failures="1" skipped="1" time="0.24">
  <testsuite name="a" file="__test__/x.test.js" line="2" tests="3" assertions="0" failures="1" skipped="1" time="0.015" hostname="vm">
    <testcase name="one" classname="a" time="0.011258" file="__test__/x.test.js" line="2" assertions="0" />
    <testcase name="two &quot;&amp;lt;&quot;" classname="a" time="0.004407" file="__test__/x.test.js" line="2" assertions="0">
      <failure type="Error" message="x">Error: x&#10;      at __test__/x.test.js:2:136&#10;</failure>
    </testcase>
    <testcase name="three" classname="b &gt; a" time="0" file="__test__/x.test.js" line="2" assertions="0">
      <skipped />
    </testcase>
  </testsuite>
</testsuites>`

const DENO = `<testsuites name="deno test" tests="5" failures="2" errors="0" time="0.369">
    <testsuite name="./__test__/x.test.js" tests="2" disabled="1" errors="0" failures="1">
        <testcase name="a" classname="./__test__/x.test.js" time="0.114" line="2" col="1">
            <failure message="1 test step failed">1 test step failed.</failure>
        </testcase>
        <testcase name="top" classname="./__test__/x.test.js" time="0.000" line="3" col="1">
            <skipped/>
        </testcase>
    </testsuite>
    <testsuite name="ext:deno_node/testing.ts" tests="2" disabled="1" errors="0" failures="1">
        <testcase name="a &gt; one" classname="ext:deno_node/testing.ts" time="0.001" line="1" col="23191">
        </testcase>
        <testcase name="a &gt; two" classname="ext:deno_node/testing.ts" time="0.001" line="1" col="21231">
            <failure message="Uncaught Error: x">Error: x</failure>
        </testcase>
    </testsuite>
</testsuites>`

test('of Bun: each test, by its own name', () => {
  assert.deepEqual(readReport(BUN), [
    { name: 'one', outcome: 'passed' },
    { name: 'two "&lt;"', outcome: 'failed' },
    { name: 'three', outcome: 'skipped' },
  ])
})

test('of Deno: each test, and no suite', () => {
  assert.deepEqual(readReport(DENO), [
    { name: 'top', outcome: 'skipped' },
    { name: 'a > one', outcome: 'passed' },
    { name: 'a > two', outcome: 'failed' },
  ])
})
