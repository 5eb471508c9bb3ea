// The live flow: keeps up to 5,000 flows, and has only the rows in the DOM that can be seen.
;(() => {
  'use strict'
  const most = 5000
  const rowHeight = 58
  const spare = 4
  const list = document.getElementById('flows')
  const panel = document.getElementById('panel')
  const filter = document.querySelector('#live-tools input[type=search]')
  const aside = document.getElementById('aside')
  const state = document.getElementById('state')
  const pause = document.getElementById('pause')
  const clear = document.getElementById('clear')

  /** By id; the ids count up. */
  const flows = new Map()
  /** While it is paused. */
  const held = { isAll: false, lines: new Map() }
  let shown = []
  let chosen = Number(panel.querySelector('[data-flow]')?.dataset.flow) || undefined
  let step = new URLSearchParams(location.search).get('step') ?? undefined
  let isPaused = false
  let isConnected = false

  const empty = list.querySelector('.empty')
  const space = document.createElement('div')
  space.className = 'virtual'
  list.replaceChildren(space)
  pause.hidden = false
  state.hidden = false

  const fits = () => {
    const words = filter.value.toLowerCase().split(/\s+/)
    const withAside = aside.checked || filter.value !== ''
    return (flow) => (withAside || !flow.isAside) && words.every((word) => flow.text.includes(word))
  }

  const sort = () => {
    const test = fits()
    const before = shown.length
    shown = [...flows.values()].filter(test)
    shown.sort((a, b) => b.id - a.id)
    // Rows come in above: what is being read stays where it is.
    if (list.scrollTop > rowHeight / 2) list.scrollTop += (shown.length - before) * rowHeight
    space.style.height = `${shown.length * rowHeight}px`
    draw()
  }

  /** Made once for each place on the screen, and filled again. */
  const rows = []
  const makeRow = () => {
    const link = document.createElement('a')
    link.className = 'flow'
    const time = document.createElement('time')
    const title = document.createElement('b')
    const who = document.createElement('bdi')
    const comma = document.createTextNode('')
    const path = document.createElement('bdi')
    title.append(who, comma, path)
    const kinds = document.createElement('small')
    const chip = document.createElement('span')
    link.append(time, title, kinds, chip)
    space.append(link)
    return { link, time, who, comma, path, kinds, chip, flow: undefined, at: undefined }
  }
  const put = (node, text) => {
    if (node.textContent !== text) node.textContent = text
  }
  const fill = (row, flow, index) => {
    if (row.at !== index) {
      row.at = index
      row.link.style.transform = `translateY(${index * rowHeight}px)`
    }
    const isChosen = flow.id === chosen
    if ((row.link.getAttribute('aria-current') !== null) !== isChosen) {
      if (isChosen) row.link.setAttribute('aria-current', 'true')
      else row.link.removeAttribute('aria-current')
    }
    if (row.flow === flow) return
    row.flow = flow
    row.link.setAttribute('href', `/_/flows/${flow.id}`)
    put(row.time, flow.time)
    put(row.who, flow.who)
    put(row.comma, flow.who === '' ? '' : ', ')
    put(row.path, flow.path)
    put(row.kinds, `${flow.kinds}${flow.steps > 1 ? `, ${flow.steps} steps` : ''}`)
    put(row.chip, flow.end)
    const kind = flow.isRefused ? 'chip bad' : 'chip good'
    if (row.chip.className !== kind) row.chip.className = kind
  }
  const draw = () => {
    const first = Math.max(0, Math.floor(list.scrollTop / rowHeight) - spare)
    const last = Math.min(shown.length, Math.ceil((list.scrollTop + list.clientHeight) / rowHeight) + spare)
    const needed = Math.max(0, last - first)
    while (rows.length < needed) rows.push(makeRow())
    // A flow keeps its element while it can be seen: the focus stays on it.
    const byIndex = new Map(rows.filter(({ flow }) => flow).map((row) => [row.flow.id, row]))
    const free = new Set(rows)
    const wanted = []
    for (let index = first; index < last; index += 1) {
      const row = byIndex.get(shown[index].id)
      if (row) free.delete(row)
      wanted.push([index, row])
    }
    const spareRows = [...free]
    const placed = new Map()
    for (const [index, known] of wanted) {
      const row = known ?? spareRows.pop()
      row.link.hidden = false
      placed.set(index, row)
      fill(row, shown[index], index)
    }
    // In the order in which they are seen, for a screen reader and the Tab key. What has the focus is never moved.
    let cursor = space.firstChild
    for (const { link } of wanted.map(([index]) => placed.get(index))) {
      if (link === document.activeElement) {
        while (cursor && cursor !== link) {
          const next = cursor.nextSibling
          space.append(cursor)
          cursor = next
        }
      }
      if (link === cursor) cursor = cursor.nextSibling
      else space.insertBefore(link, cursor)
    }
    for (const row of spareRows) {
      row.link.hidden = true
      row.flow = undefined
    }
    if (empty) {
      if (shown.length === 0 && !empty.isConnected) list.append(empty)
      if (shown.length > 0) empty.remove()
    }
  }

  let isDrawSoon = false
  let isSortNeeded = false
  const drawSoon = (withSort) => {
    isSortNeeded ||= withSort
    if (isDrawSoon) return
    isDrawSoon = true
    requestAnimationFrame(() => {
      isDrawSoon = false
      if (isSortNeeded) sort()
      else draw()
      isSortNeeded = false
    })
  }

  const showState = () => {
    const word = isPaused ? 'paused' : isConnected ? 'live' : 'not connected'
    const kind = isPaused ? 'chip warn' : isConnected ? 'chip good dot-live' : 'chip bad'
    put(state, word)
    if (state.className !== kind) state.className = kind
    pause.textContent = isPaused ? (held.lines.size > 0 ? 'Go on: there is more' : 'Go on') : 'Pause'
    pause.setAttribute('aria-pressed', String(isPaused))
  }

  const apply = ({ all, flows: lines }) => {
    if (all) flows.clear()
    // The latest comes first in a whole list, and last in a change.
    for (const line of lines) flows.set(line.id, line)
    if (flows.size > most) {
      const ids = [...flows.keys()].sort((a, b) => a - b)
      for (const id of ids.slice(0, flows.size - most)) flows.delete(id)
    }
    if (chosen !== undefined && lines.some(({ id }) => id === chosen) && !all) refresh()
    drawSoon(true)
  }
  const receive = (message) => {
    if (!isPaused) return apply(message)
    if (message.all) held.lines.clear()
    held.isAll ||= message.all === true
    for (const line of message.flows) held.lines.set(line.id, line)
    // More than that would not be shown.
    for (const id of held.lines.keys()) {
      if (held.lines.size <= most) break
      held.lines.delete(id)
    }
    showState()
  }

  const connect = () => {
    const events = new EventSource('/_/requests/events')
    events.addEventListener('open', () => {
      isConnected = true
      showState()
    })
    events.addEventListener('message', ({ data }) => receive(JSON.parse(data)))
    events.addEventListener('error', () => {
      isConnected = false
      showState()
      // A browser does not try again after an answer that is an error.
      if (events.readyState === EventSource.CLOSED) setTimeout(connect, 3000)
    })
    addEventListener('pagehide', () => events.close(), { once: true })
  }

  // One flow, beside the list.
  let asked = 0
  const open = async (address, { focus }) => {
    asked += 1
    const mine = asked
    const url = new URL(address, location.href)
    url.searchParams.set('part', '1')
    const response = await fetch(url)
    const page = window.countersign.parsed(await response.text())
    if (mine !== asked) return
    const wasOpen = [...panel.querySelectorAll('details')].map((each) => each.open)
    const left = panel.querySelector('.scroll')?.scrollLeft ?? 0
    panel.replaceChildren(...(response.ok ? page.body.childNodes : [page.querySelector('main') ?? page.body]))
    window.countersign.prepare(panel)
    if (focus) {
      panel.querySelector('#flow-title')?.focus({ preventScroll: true })
      if (panel.getBoundingClientRect().top > innerHeight - 120) panel.scrollIntoView({ block: 'start' })
    } else {
      for (const [index, each] of [...panel.querySelectorAll('details')].entries())
        each.open = wasOpen[index] ?? false
      const scroll = panel.querySelector('.scroll')
      if (scroll) scroll.scrollLeft = left
    }
  }
  let refreshing
  /** The sequence grows: the step that is shown stays, unless none was chosen. */
  const refresh = () => {
    refreshing ??= setTimeout(() => {
      refreshing = undefined
      if (panel.contains(document.activeElement) && document.activeElement.closest('form, pre'))
        return refresh()
      void open(`/_/flows/${chosen}${step === undefined ? '' : `?step=${step}`}`, { focus: false })
    }, 250)
  }
  const choose = (link) => {
    const url = new URL(link.href)
    const [, id] = /\/_\/flows\/(\d+)$/.exec(url.pathname) ?? []
    chosen = Number(id)
    step = url.searchParams.get('step') ?? undefined
    history.replaceState(null, '', url)
    drawSoon(false)
    void open(url, { focus: true })
  }
  document.addEventListener('click', (event) => {
    const link = event.target.closest?.('a.flow, a.step')
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return
    event.preventDefault()
    choose(
      link instanceof SVGElement ? { href: new URL(link.getAttribute('href'), location.href).href } : link,
    )
  })
  list.addEventListener('keydown', (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key]
    if (by === undefined) return
    event.preventDefault()
    const at = rows.find(({ link }) => link === document.activeElement)?.at ?? -1
    const next = Math.min(shown.length - 1, Math.max(0, at + by))
    if (shown.length === 0) return
    const [top, bottom] = [next * rowHeight, (next + 1) * rowHeight]
    if (top < list.scrollTop) list.scrollTop = top
    if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight
    draw()
    rows.find(({ at: index, link }) => index === next && !link.hidden)?.link.focus({ preventScroll: true })
  })

  list.addEventListener('scroll', () => drawSoon(false), { passive: true })
  addEventListener('resize', () => drawSoon(false))
  filter.addEventListener('input', () => drawSoon(true))
  filter.form.addEventListener('submit', (event) => event.preventDefault())
  aside.addEventListener('change', () => drawSoon(true))
  pause.addEventListener('click', () => {
    isPaused = !isPaused
    if (!isPaused) {
      apply({ all: held.isAll, flows: [...held.lines.values()] })
      held.isAll = false
      held.lines.clear()
    }
    showState()
  })
  clear.form.addEventListener('submit', async (event) => {
    event.preventDefault()
    held.lines.clear()
    await fetch(clear.form.action, { method: 'POST', body: new URLSearchParams(new FormData(clear.form)) })
  })
  connect()
  showState()
})()
