import assert from 'node:assert/strict'
import type { Console } from '../../src/console/console.ts'

/** A page as the browser got it. */
export type Seen = { readonly status: number; readonly text: string; readonly headers: Headers }

const origin = 'http://127.0.0.1:3000'

/** A browser that keeps the cookies of the console and fills in its forms; it sends what the page holds, as a person's would. */
export const browser = (site: Console, peer = '192.0.2.1') => {
  const jar = new Map<string, string>()
  const send = async (path: string, init: RequestInit): Promise<Seen> => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const request = new Request(`${origin}${path}`, {
      ...init,
      headers: { ...(cookie === '' ? {} : { cookie }), ...init.headers },
    })
    const response = await site.open(request, peer)
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') jar.delete(name)
      else jar.set(name, value)
    }
    return { status: response.status, headers: response.headers, text: await response.text() }
  }
  const get = (path: string, headers: Record<string, string> = {}): Promise<Seen> => send(path, { headers })
  const post = (
    path: string,
    fields: Readonly<Record<string, string>>,
    headers: Record<string, string> = {},
  ): Promise<Seen> => send(path, { method: 'POST', body: new URLSearchParams(fields), headers })

  /** Fills in the form of a page that posts to an address, with its hidden fields. */
  const fill = async (page: string, action: string, fields: Readonly<Record<string, string>>): Promise<Seen> => {
    const { text } = await get(page)
    const forms = text.split('<form').slice(1)
    const form = forms.find((part) => part.includes(`action="${action}"`) && hasAll(part, fields))
    assert.ok(form, `the page ${page} has a form that posts to ${action}`)
    return post(action, { ...hiddenOf(form), ...fields })
  }
  const signIn = (token: string): Promise<Seen> => fill('/console/sign-in', '/console/sign-in', { token })
  return { get, post, fill, signIn, jar }
}

/** Of several forms with one address the one that was made for these hidden values. */
const hasAll = (form: string, fields: Readonly<Record<string, string>>): boolean =>
  Object.entries(hiddenOf(form)).every(([name, value]) => fields[name] === undefined || fields[name] === value)

const hiddenOf = (form: string): Record<string, string> =>
  Object.fromEntries(
    [...(form.split('</form>')[0] ?? '').matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)].map(
      ([, name = '', value = '']): [string, string] => [name, value],
    ),
  )
