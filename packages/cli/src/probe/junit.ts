import type { Finding } from './finding.js'
import type { Summary } from './report-text.js'

/** The findings as JUnit XML, which build servers read. */
export function junitXml(
  url: string,
  findings: readonly Finding[],
  { wrong, accepted, skipped, seconds }: Summary,
): string {
  const cases = findings.map((finding) => {
    const { name, group, result, answered = '', expected = '', detail = '', meaning } = finding
    const start = `    <testcase classname="countersign.probe.${group}" name="${escaped(name)}"`
    if (result === 'right') return `${start}/>`
    if (result === 'skipped') return `${start}><skipped message="${escaped(detail)}"/></testcase>`
    const what = result === 'accepted' ? `accepted with ${answered}` : `${answered}: ${detail}`
    return `${start}><failure type="${result}" message="${escaped(what)}">${escaped(`${meaning} Expected: ${expected}`)}</failure></testcase>`
  })
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites tests="${findings.length}" failures="${wrong + accepted}" skipped="${skipped}" time="${seconds}">`,
    `  <testsuite name="countersign probe ${escaped(url)}" tests="${findings.length}" failures="${wrong + accepted}" skipped="${skipped}" time="${seconds}">`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll(/[^\x20-\x7E]/g, '?')
}
