/** Bits of a filter: 2 MB. Of a million keys two in a hundred others seem to be there, of ten million half. */
const filterBits = 2 ** 24
const bitMask = filterBits - 1

/** A set of keys in little memory that errs on one side only. */
export type KeyFilter = {
  readonly add: (key: string) => void
  /** False: the key was never added. True: it probably was. */
  readonly mayHave: (key: string) => boolean
}

/** A Bloom filter with two bits a key. */
export const makeKeyFilter = (): KeyFilter => {
  // An empty set takes no memory.
  let words = new Uint32Array(0)
  const isSet = (bit: number): boolean => ((words[bit >>> 5] ?? 0) & (1 << (bit & 31))) !== 0
  const set = (bit: number): void => {
    words[bit >>> 5] = (words[bit >>> 5] ?? 0) | (1 << (bit & 31))
  }
  return {
    add: (key) => {
      if (words.length === 0) words = new Uint32Array(filterBits / 32)
      const hash = hashOf(key)
      set(hash & bitMask)
      set(secondOf(hash))
    },
    mayHave: (key) => {
      const hash = hashOf(key)
      return isSet(hash & bitMask) && isSet(secondOf(hash))
    },
  }
}

/** FNV-1a over the code units, mixed so that the low bits depend on all of them. */
const hashOf = (key: string): number => {
  let hash = 0x811c9dc5
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  return hash ^ (hash >>> 15)
}

const secondOf = (hash: number): number => (Math.imul(hash, 0x9e3779b1) >>> 8) & bitMask
