/** Plays the browser and its user: fetches the pages of the emulator and sends their forms. Pages that were shown are counted. */
export function createBrowser(user: string): { open: (url: string) => Promise<void>; factors: () => number } {
  let factors = 0
  async function open(url: string): Promise<void> {
    let page = await fetch(url, { redirect: 'manual' })
    for (let step = 0; step < 5; step++) {
      const html = await page.text()
      const action = /<form[^>]*action="([^"]*)"/.exec(html)?.[1]?.replaceAll('&amp;', '&')
      if (action === undefined) break
      const fields = new URLSearchParams(
        [...html.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([input]): [string, string] => [
          /name="([^"]*)"/.exec(input)?.[1] ?? '',
          /value="([^"]*)"/.exec(input)?.[1] ?? '',
        ]),
      )
      const target = new URL(action, url)
      const isOurs = target.origin === new URL(url).origin
      if (isOurs && html.includes('name="proof"')) {
        factors++
        fields.set('proof', 'approve')
      } else if (isOurs && html.includes('name="consent"')) fields.set('consent', 'accept')
      else if (isOurs) fields.set('user', user)
      page = await fetch(target, { method: 'POST', body: fields, redirect: 'manual' })
      if (!isOurs) break
    }
  }
  return { open, factors: () => factors }
}
