// Every page works without this script. It copies, counts down, asks before what cannot be undone, and lets a list
// follow the typing.
;(() => {
  'use strict'
  const all = (selector, root = document) => [...root.querySelectorAll(selector)]

  const said = document.createElement('div')
  said.className = 'sr'
  said.setAttribute('role', 'status')
  document.body.append(said)

  const prepare = (root) => {
    for (const button of all('[data-copy]', root)) button.hidden = false
    for (const element of all('[data-with]', root)) element.hidden = false
    for (const element of all('[data-without]', root)) element.hidden = true
  }
  prepare(document)

  document.addEventListener('click', (event) => {
    const button = event.target.closest?.('[data-copy]')
    if (!button) return
    const show = (text) => {
      const before = button.textContent
      button.textContent = text
      said.textContent = text
      setTimeout(() => (button.textContent = before), 1200)
    }
    // The address of a container is not a secure context: there is no clipboard.
    if (!navigator.clipboard) return show('not here')
    navigator.clipboard.writeText(button.dataset.copy).then(
      () => show('copied'),
      () => show('not allowed'),
    )
  })

  document.addEventListener('submit', (event) => {
    const ask = event.submitter?.dataset.ask
    if (ask && !window.confirm(ask)) event.preventDefault()
  })

  // Times, on the emulator's clock.
  const clock = document.querySelector('[data-now]')
  const start = { emulator: Number(clock?.dataset.now), machine: Date.now() / 1000 }
  const isStill = clock?.dataset.still === 'true'
  const units = [
    ['day', 86400],
    ['hour', 3600],
    ['minute', 60],
    ['second', 1],
  ]
  const distance = (seconds) => {
    const amount = Math.abs(Math.round(seconds))
    const index = units.findIndex(([, size]) => amount >= size)
    const [unit, size] = units[index < 0 ? 3 : index]
    const count = Math.floor(amount / size)
    // Under an hour the seconds are of interest, and make it move.
    const rest = unit === 'minute' ? ` ${amount % 60} s` : ''
    const text = `${count} ${unit === 'minute' ? 'min' : `${unit}${count === 1 ? '' : 's'}`}${rest}`
    return seconds < 0 ? `${text} ago` : `in ${text}`
  }
  const tick = () => {
    const now = start.emulator + (isStill ? 0 : Date.now() / 1000 - start.machine)
    for (const time of all('[data-until]')) time.textContent = distance(Number(time.dataset.until) - now)
    if (clock && !isStill) {
      const suffix = clock.textContent.slice(20)
      clock.textContent = `${new Date(now * 1000).toISOString().slice(0, 19).replace('T', ' ')}Z${suffix}`
    }
  }
  if (clock) {
    tick()
    setInterval(tick, 1000)
  }

  /** The body of a page: the policy of this page would complain about the style of another. */
  const parsed = (text) =>
    new DOMParser().parseFromString(text.slice(Math.max(0, text.indexOf('<body'))), 'text/html')

  const later = (milliseconds, act) => {
    let timer
    return (...values) => {
      clearTimeout(timer)
      timer = setTimeout(() => act(...values), milliseconds)
    }
  }

  // A list that follows the typing.
  for (const form of all('form[data-live]')) {
    let count = 0
    const follow = later(150, async () => {
      count += 1
      const mine = count
      const address = `${form.action}?${new URLSearchParams(new FormData(form))}`
      const response = await fetch(address)
      if (!response.ok || mine !== count) return
      const page = parsed(await response.text())
      const fresh = page.getElementById(form.dataset.live)
      const old = document.getElementById(form.dataset.live)
      if (!fresh || !old) return
      old.replaceWith(fresh)
      prepare(fresh)
      history.replaceState(null, '', address)
    })
    form.addEventListener('input', follow)
  }

  // Names for a field that has too many to choose from.
  for (const input of all('[data-suggest]')) {
    const list = document.getElementById(input.getAttribute('list'))
    const suggest = later(120, async () => {
      const response = await fetch(`${input.dataset.suggest}&find=${encodeURIComponent(input.value)}`)
      if (!response.ok) return
      const { names } = await response.json()
      list.replaceChildren(
        ...names.map((name) => {
          const option = document.createElement('option')
          option.value = name
          return option
        }),
      )
    })
    input.addEventListener('input', suggest)
    input.addEventListener('focus', suggest, { once: true })
  }

  // In the picture: the arrows of the box under the pointer or the focus.
  const light = (event) => {
    const picture = event.target.closest?.('svg')
    const node = event.target.closest?.('[data-node]')?.dataset.node
    for (const svg of all('#picture svg')) {
      svg.classList.toggle('dim', svg === picture && node !== undefined)
      for (const edge of all('.edge', svg)) {
        edge.classList.toggle('lit', node !== undefined && edge.dataset.ends.split(' ').includes(node))
      }
    }
  }
  document.addEventListener('pointerover', light)
  document.addEventListener('focusin', light)

  window.countersign = { parsed, prepare }
})()
