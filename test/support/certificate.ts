import { generateKeyPairSync, sign } from 'node:crypto'

/** A certificate that signs itself, and its key, as PEM. */
export type Certificate = { readonly cert: string; readonly key: string }

/** Makes a certificate of this machine, valid from 2020 to 2049, in the few bytes of ASN.1 that TLS asks for. */
export const loopbackCertificate = (): Certificate => {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const name = sequence(set(sequence(commonName, utf8('localhost'))))
  const body = sequence(
    tagged(0, integer(2)),
    integer(1),
    ecdsaWithSha256,
    name,
    sequence(utcTime('200101000000Z'), utcTime('491231235959Z')),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(3, sequence(isAuthority, alternativeNames)),
  )
  const signature = sign('sha256', body, { key: privateKey, dsaEncoding: 'der' })
  const der = sequence(body, ecdsaWithSha256, item(0x03, Buffer.concat([Buffer.from([0]), signature])))
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n')
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

const item = (tag: number, body: Uint8Array): Buffer => {
  const { length } = body
  const head =
    length < 128 ? [tag, length] : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255]
  return Buffer.concat([Buffer.from(head), body])
}
const sequence = (...items: readonly Uint8Array[]): Buffer => item(0x30, Buffer.concat(items))
const set = (...items: readonly Uint8Array[]): Buffer => item(0x31, Buffer.concat(items))
const tagged = (number: number, body: Uint8Array): Buffer => item(0xa0 + number, body)
const integer = (value: number): Buffer => item(0x02, Buffer.from([value]))
const utf8 = (text: string): Buffer => item(0x0c, Buffer.from(text))
const utcTime = (text: string): Buffer => item(0x17, Buffer.from(text))
const objectId = (...bytes: readonly number[]): Buffer => item(0x06, Buffer.from(bytes))
const octets = (body: Uint8Array): Buffer => item(0x04, body)

const commonName = objectId(0x55, 4, 3)
const ecdsaWithSha256 = sequence(objectId(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2))
const isAuthority = sequence(
  objectId(0x55, 0x1d, 0x13),
  item(0x01, Buffer.from([255])),
  octets(sequence(item(0x01, Buffer.from([255])))),
)
const alternativeNames = sequence(
  objectId(0x55, 0x1d, 0x11),
  octets(sequence(item(0x82, Buffer.from('localhost')), item(0x87, Buffer.from([127, 0, 0, 1])))),
)
