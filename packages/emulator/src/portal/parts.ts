import { guidPattern } from '../base/guid.js'
import { html, type Html, nameText } from '../pages/html.js'

/*
 * The parts that pages are made of. Each works without script; buttons that need one are hidden until it runs.
 */

type Cell = string | number | Html | undefined | false

/** One row of a table. */
export type Row = readonly Cell[]

export interface Table {
  readonly headings: readonly string[]
  readonly rows: readonly Row[]
  /** What to do where there is nothing. */
  readonly empty: string | Html
}

/** A table that becomes a card for each row on a phone; the roles keep it a table for a screen reader. */
export function table({ headings, rows, empty }: Table): Html {
  if (rows.length === 0) return html`<div class="empty">${empty}</div>`
  return html`<table role="table">
    <thead role="rowgroup">
      <tr role="row">
        ${headings.map(
          (heading) =>
            html`<th scope="col" role="columnheader">
              ${heading === '' ? html`<span class="sr">Actions</span>` : heading}
            </th> `,
        )}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map(
        (cells) =>
          html`<tr role="row">
            ${cells.map(
              (cell, index) => html`<td role="cell" data-label="${headings[index]}"><div>${cell}</div></td> `,
            )}
          </tr> `,
      )}
    </tbody>
  </table>`
}

/** Names and values. */
export function factList(facts: readonly (readonly [string, string | Html])[]): Html {
  return html`<dl class="facts">
    ${facts.map(
      ([name, value]) =>
        html`<dt>${name}</dt>
          <dd>${value}</dd>`,
    )}
  </dl>`
}

export function chip(text: string | Html, kind: '' | 'good' | 'bad' | 'warn' = ''): Html {
  return html`<span class="chip ${kind}">${text}</span> `
}

/** A GUID is shortened, with the whole value in its title and to copy; any other value is shown as it is. */
export function idText(value: string): Html {
  if (!guidPattern.test(value)) return html`<code>${value}</code>`
  return html`<span class="guid"
    ><code title="${value}"
      ><span>${value.slice(0, 8)}</span><span class="mid">${value.slice(8, -4)}</span
      ><span>${value.slice(-4)}</span></code
    >${copyButton(value, `Copy ${value}`)}</span
  >`
}

/** Hidden until the page's script runs: without one there is nothing to press. */
export function copyButton(text: string, label: string, shown = 'copy'): Html {
  return html`<button type="button" class="copy" data-copy="${text}" aria-label="${label}" hidden>
    ${shown}
  </button>`
}

/** Lines to copy. */
export function codeBlock(text: string, label = 'Copy these lines'): Html {
  return html`<div class="copyable">
    <pre>${text}</pre>
    ${copyButton(text, label)}
  </div>`
}

/** What decided, in a sentence, at the top of a page. */
export function verdict(kind: 'good' | 'bad' | 'warn', sentence: string | Html, more?: Html): Html {
  return html`<section class="verdict ${kind}" role="status">
    <h2>${sentence}</h2>
    ${more}
  </section>`
}

/** A search that works without script; with one, the part with that id follows the typing. */
export function finder(
  action: string,
  find: string | undefined,
  label: string,
  replaces: string,
  more?: Html,
): Html {
  return html`<form class="finder" method="get" action="${action}" role="search" data-live="${replaces}">
    <label
      >${label} <input type="search" name="find" value="${find}" autocomplete="off" maxlength="200"
    /></label>
    <button>Search</button>
    ${more}
  </form>`
}

const perPage = 25

/** One page of a list that a search narrowed. */
export interface Slice<T> {
  readonly shown: readonly T[]
  readonly pager: Html | false
}

/** The items that fit, one page of them. `textOf` is what is searched. */
export function slice<T>(
  items: readonly T[],
  asked: { readonly find: string | undefined; readonly page: string | undefined },
  address: string,
  textOf: (item: T) => string,
): Slice<T> {
  const words = (asked.find ?? '').toLowerCase().split(/\s+/)
  const fitting = items.filter((item) => {
    const text = textOf(item).toLowerCase()
    return words.every((word) => text.includes(word))
  })
  const pages = Math.max(1, Math.ceil(fitting.length / perPage))
  const page = Math.min(pages, /^\d{1,6}$/.test(asked.page ?? '') ? Math.max(1, Number(asked.page)) : 1)
  const from = (page - 1) * perPage
  const link = (to: number, text: string): Html | false => {
    const query = new URLSearchParams({
      ...(asked.find === undefined ? {} : { find: asked.find }),
      page: String(to),
    })
    return (
      to >= 1 && to <= pages && html`<a class="button" href="${address}?${query.toString()}">${text}</a> `
    )
  }
  return {
    shown: fitting.slice(from, from + perPage),
    pager:
      pages > 1 &&
      html`<nav class="pager" aria-label="Pages of the list">
        ${link(page - 1, 'Previous')}
        <span>${from + 1} to ${Math.min(from + perPage, fitting.length)} of ${fitting.length}</span>
        ${link(page + 1, 'Next')}
      </nav>`,
  }
}

export function options(values: readonly (readonly [string, string])[], selected?: string): Html[] {
  return values.map(
    ([value, text]) =>
      html`<option value="${value}" ${value === selected && html`selected`}>${text}</option> `,
  )
}

/** More than that is typed, not chosen from a list. */
const mostOptions = 40

/** A field that names one of many: a list to choose from, or, if it would be long, a name to type. */
export function chooser(
  label: string,
  name: 'client' | 'resource' | 'user' | 'api',
  values: readonly (readonly [value: string, text: string])[],
  selected: string | undefined,
  none?: string,
): Html {
  const all = none === undefined ? values : [['', none] as const, ...values]
  if (values.length <= mostOptions) {
    return html`<label
      >${label}
      <select name="${name}">
        ${options(all, selected)}
      </select></label
    >`
  }
  const written = values.find(([value]) => value === selected)?.[1] ?? selected
  return html`<label
    >${label}
    <input
      name="${name}"
      value="${written}"
      list="${name}-names"
      autocomplete="off"
      spellcheck="false"
      placeholder="${none ?? 'a name or an id'}"
      data-suggest="/_/suggest?kind=${name}"
    />
    <datalist id="${name}-names"></datalist>
  </label>`
}

/** The name of an application with a link to its page. */
export function applicationLink(
  applications: ReadonlyMap<string, { readonly displayName: string }>,
  appId: string,
): Html {
  const known = applications.get(appId)
  return known === undefined
    ? idText(appId)
    : html`<a href="/_/apps/${appId}">${nameText(known.displayName)}</a>`
}

/** Fields of a form that a person does not see. */
export function hiddenFields(fields: Readonly<Record<string, string | undefined>>): readonly Html[] {
  return Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
  )
}
