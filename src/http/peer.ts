import ipaddr from 'ipaddr.js'
import { LRUCache } from 'lru-cache'

/** Source addresses remembered by the rate limit. */
const sourcesMax = 20_000

/** Spellings of addresses that were read before; the same few senders come all the time. */
const spellings = new LRUCache<string, { readonly plain: string | null }>({ max: sourcesMax })

/** An address in one form: IPv4 also when it came in IPv6 clothes, without a zone; null when it is none. */
export const plainAddress = (text: string): string | null => {
  const known = spellings.get(text)
  if (known) return known.plain
  const plain = parseAddress(text)
  // A header of a stranger may hold anything: only what could be an address is kept.
  if (text.length <= 64) spellings.set(text, { plain })
  return plain
}

const parseAddress = (text: string): string | null => {
  const bare = text
    .trim()
    .replace(/%.*$/, '')
    .replace(/^\[(.*)\]$/, '$1')
  return ipaddr.isValid(bare) ? ipaddr.process(bare).toString() : null
}

/** Whether an address lies in one of the networks, each a CIDR or a single address. */
export const inNetworks = (address: string, networks: readonly string[]): boolean => {
  const plain = networks.length === 0 ? null : plainAddress(address)
  if (plain === null) return false
  const parsed = ipaddr.process(plain)
  return networks.some((network) => {
    if (!network.includes('/')) return plainAddress(network) === plain
    if (!ipaddr.isValidCIDR(network)) return false
    const [base, bits] = ipaddr.parseCIDR(network)
    return base.kind() === parsed.kind() && parsed.match(base, bits)
  })
}

/**
 * The address that a request came from: the TCP peer, unless that is a proxy of ours; then the rightmost entry of X-Forwarded-For
 * that is no proxy of ours. What stands further left was written by strangers.
 */
export const sourceAddress = (peer: string, forwarded: string | null, trusted: readonly string[]): string => {
  let address = plainAddress(peer) ?? peer
  const hops = forwarded === null ? [] : forwarded.split(',')
  while (hops.length > 0 && inNetworks(address, trusted)) {
    const next = plainAddress(hops.pop() ?? '')
    if (next === null) break
    address = next
  }
  return address
}

/** A limit of requests a second per source, bursts of twice that; 0 means none. */
export const sourceLimit = (perSecondMax: number, nowMs: () => number): ((source: string) => boolean) => {
  if (perSecondMax === 0) return () => true
  const buckets = new LRUCache<string, { tokens: number; at: number }>({ max: sourcesMax })
  return (source) => {
    const now = nowMs()
    const bucket = buckets.get(source) ?? { tokens: perSecondMax * 2, at: now }
    bucket.tokens = Math.min(perSecondMax * 2, bucket.tokens + ((now - bucket.at) / 1000) * perSecondMax)
    bucket.at = now
    buckets.set(source, bucket)
    if (bucket.tokens < 1) return false
    bucket.tokens -= 1
    return true
  }
}
