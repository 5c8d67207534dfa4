/**
 * A name as it is compared: without case, blanks, hyphens and the difference of ё and е. Cities and services of people, sites and
 * language models meet under it.
 * @example matchingKey(' Орехово - Зуево') // 'ореховозуево'
 */
export const matchingKey = (name: string): string =>
  name
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll('ё', 'е')
    .replace(/[^\p{L}\p{N}]/gu, '')
