import { html } from '../connectors/html.ts'
import { facts, type Look } from './frame.ts'

/** The part of a delivery that its bytes are shown with. */
export type Sent = {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | null
}

const hexBytesMax = 16_384

/** The bytes of a delivery three ways: taken apart, as they came, in hex. */
export const bodyViews = (look: Look, sent: Sent): string => {
  const { say } = look
  const bytes = sent.body ?? new Uint8Array()
  const raw = Buffer.from(bytes).toString('utf8')
  const pretty = prettyBody(raw, sent.headers['content-type'] ?? '')
  return html`!${pretty === null ? '' : html`<details open><summary>${say('pretty')}</summary>!${pretty}</details>`}
<details !${pretty === null ? 'open' : ''}><summary>${say('asSent')}, ${bytes.byteLength} B</summary><pre>${raw}</pre></details>
<details><summary>${say('hex')}</summary><pre>${hexDump(bytes.subarray(0, hexBytesMax))}</pre></details>`
}

/** JSON with indents, or the fields of a form; null when it is neither. Trusted HTML. */
const prettyBody = (raw: string, contentType: string): string | null => {
  try {
    const parsed: unknown = JSON.parse(raw)
    if (parsed !== null && typeof parsed === 'object') return html`<pre>${JSON.stringify(parsed, null, 2)}</pre>`
  } catch {
    // No JSON: perhaps a form.
  }
  if (!contentType.includes('urlencoded') || !raw.includes('=')) return null
  return facts([...new URLSearchParams(raw)].map(([name, value]) => [name, html`${value}`]))
}

/**
 * Bytes as rows of 16: offset, hex, printable letters.
 * @example hexDump(new Uint8Array([72, 105])) // '00000000  48 69                                            Hi'
 */
export const hexDump = (bytes: Uint8Array): string => {
  const rows: string[] = []
  for (let offset = 0; offset < bytes.length; offset += 16) {
    const part = [...bytes.subarray(offset, offset + 16)]
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const letters = part.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('')
    rows.push(`${offset.toString(16).padStart(8, '0')}  ${hex.padEnd(47)}  ${letters}`)
  }
  return rows.join('\n')
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`

/** A shell command that sends the same bytes again; they travel as base64, so that no shell can change them. */
export const curlOf = (sent: Sent, publicUrl: string): string => {
  const address = `${publicUrl}${sent.path}${sent.query === '' ? '' : `?${sent.query}`}`
  const headers = Object.entries(sent.headers)
    .filter(([name]) => name !== 'content-length' && name !== 'host')
    .map(([name, value]) => ` \\\n  -H ${quoted(`${name}: ${value}`)}`)
    .join('')
  const body = Buffer.from(sent.body ?? []).toString('base64')
  const call = `curl -i -X ${sent.method} ${quoted(address)}${headers}`
  return body === '' ? call : `printf %s ${quoted(body)} | base64 -d | ${call} \\\n  --data-binary @-`
}
