// One picture to be read at a glance: for each row of the table, ours and the others, the shorter bar the better.

const width = 860
const labelWidth = 270
const barHeight = 18
const escape = (text) => String(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** @param {readonly { title: string, unit: string, lowerIsBetter: boolean, rows: readonly any[] }[]} tables */
export function chart(tables, subtitle) {
  const parts = []
  let y = 64
  for (const { title, unit, lowerIsBetter, rows } of tables) {
    const ordered = [...rows].sort((a, b) => (lowerIsBetter ? 1 : -1) * (a.ratio.median - b.ratio.median))
    const longest = Math.max(...ordered.map(({ ratio }) => ratio.median))
    // Where one contender is a hundred times another, only a logarithm shows both.
    const isLogarithmic = longest > 40
    const scale = isLogarithmic
      ? (value) => Math.log10(1 + value) / Math.log10(1 + longest)
      : (value) => value / longest
    const better = lowerIsBetter ? 'shorter is better' : 'longer is better'
    parts.push(
      `<text x="20" y="${y}" class="title">${escape(title)}</text>`,
      `<text x="${width - 20}" y="${y}" class="unit" text-anchor="end">${escape(unit)}, ${better}${isLogarithmic ? ', logarithmic' : ''}</text>`,
    )
    y += 12
    for (const { name, ratio } of ordered) {
      const length = Math.max(2, (width - labelWidth - 120) * scale(ratio.median))
      const own = /countersign/i.test(name)
      parts.push(
        `<text x="${labelWidth}" y="${y + 13}" text-anchor="end" class="${own ? 'own' : 'label'}">${escape(name)}</text>`,
      )
      parts.push(
        `<rect x="${labelWidth + 10}" y="${y}" width="${length.toFixed(1)}" height="${barHeight - 4}" rx="2" class="${own ? 'bar own-bar' : 'bar'}"/>`,
      )
      parts.push(
        `<text x="${(labelWidth + 18 + length).toFixed(1)}" y="${y + 12}" class="value">${ratio.median >= 100 ? Math.round(ratio.median).toLocaleString('en') : ratio.median.toFixed(2)}</text>`,
      )
      y += barHeight
    }
    y += 26
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}" role="img">
<title>Countersign beside its peers</title>
<style>
text { font: 12px system-ui, sans-serif; fill: #333 } .title { font-weight: 600; font-size: 14px } .unit { fill: #777 }
.label { fill: #555 } .own { font-weight: 600; fill: #0a5 } .bar { fill: #b8c0cc } .own-bar { fill: #0a5 } .value { fill: #555 }
</style>
<rect width="100%" height="100%" fill="#fff"/>
<text x="20" y="28" style="font-size:18px;font-weight:600">Countersign beside its peers</text>
<text x="20" y="44" class="unit">${escape(subtitle)}</text>
${parts.join('\n')}
</svg>
`
}
