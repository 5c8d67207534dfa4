/** What a form field means to us, whatever the page's author called it. */
export type FieldMeaning =
  | 'name'
  | 'phone'
  | 'email'
  | 'inn'
  | 'companyName'
  | 'city'
  | 'services'
  | 'areas'
  | 'plan'
  | 'comment'
  | 'personalData'
  | 'marketing'
  /** A tick box without a name of its own: an agreement when no other field is one. */
  | 'box'
  | 'files'

/** Names of fields by language; compared without case, ё and punctuation, and without the `_2` that Tilda adds to a second one. */
const aliases: Readonly<Record<FieldMeaning, readonly string[]>> = {
  name: ['name', 'имя', 'фио', 'contact_name', 'contactname', 'контактное_лицо', 'контакт', 'ваше_имя', 'first_name'],
  phone: ['phone', 'телефон', 'tel', 'ваш_телефон', 'номер_телефона', 'мобильный', 'mobile'],
  email: ['email', 'e-mail', 'mail', 'почта', 'электронная_почта', 'эл_почта', 'имейл', 'емейл', 'email_address'],
  inn: ['inn', 'инн', 'инн_компании', 'инн_организации', 'tax_id'],
  companyName: [
    'company',
    'companyname',
    'company_name',
    'компания',
    'название',
    'название_компании',
    'организация',
    'наименование',
  ],
  city: ['city', 'город', 'town', 'населенный_пункт'],
  services: ['services', 'service', 'услуги', 'услуга', 'специализация'],
  areas: ['areas', 'area', 'районы', 'район', 'регионы', 'регион'],
  plan: ['plan', 'тариф', 'tariff', 'план', 'пакет'],
  comment: ['comments', 'comment', 'комментарий', 'комментарии', 'сообщение', 'message', 'textarea', 'вопрос'],
  personalData: [
    'policy',
    'согласие',
    'consent',
    'agreement',
    'согласие_на_обработку',
    'согласие_на_обработку_персональных_данных',
    'personal_data',
    'персональные_данные',
  ],
  marketing: ['marketing', 'рассылка', 'newsletter', 'subscribe', 'подписка_на_новости', 'согласие_на_рассылку'],
  box: ['checkbox', 'галочка'],
  files: ['files', 'file', 'файл', 'файлы', 'документы', 'документ'],
}

const spelled = (name: string): string =>
  name
    .normalize('NFC')
    .toLowerCase()
    .replace(/ё/g, 'е')
    .replace(/[^\p{L}\p{N}]+/gu, '_')
    .replace(/^_|_$/g, '')

const meanings = new Map(
  Object.entries(aliases).flatMap(([meaning, names]) =>
    names.map((name) => [spelled(name), meaning as FieldMeaning] as const),
  ),
)

/** What a field's name says. */
export type FieldName = {
  readonly meaning: FieldMeaning | null
  /** Whether Tilda numbered the field, because the form has another one of its name before it. */
  readonly isNumbered: boolean
}

/** Names that were read before: a site has some dozens. */
const known = new Map<string, FieldName>()
const knownMax = 1000

/**
 * Reads the name of a field; its meaning is null when we do not know it.
 * @example readFieldName('Телефон_2') // { meaning: 'phone', isNumbered: true }
 */
export const readFieldName = (name: string): FieldName => {
  const before = known.get(name)
  if (before) return before
  const plain = spelled(name)
  const isNumbered = numberPattern.test(plain)
  const meaning = meanings.get(plain) ?? meanings.get(plain.replace(numberPattern, '')) ?? agreementOf(plain)
  // What a second nameless box asks is anybody's guess, and a consent is never guessed.
  const read = { meaning: meaning === 'box' && isNumbered ? null : meaning, isNumbered }
  if (known.size >= knownMax) known.clear()
  known.set(name, read)
  return read
}

/**
 * The meaning of a field's name; null for one that we do not know.
 * @example meaningOf('Телефон_2') // 'phone'
 */
export const meaningOf = (name: string): FieldMeaning | null => readFieldName(name).meaning

const numberPattern = /_\d{1,2}$/

/** Authors name a tick box by its whole sentence. A consent to letters is never one to anything else. */
const agreementOf = (plain: string): FieldMeaning | null => {
  if (!/соглас|agree|consent|политик|policy/.test(plain)) return null
  if (/рассылк|реклам|новост|маркетинг|marketing|newsletter/.test(plain)) return 'marketing'
  return /персональн|обработк|политик|personal|policy/.test(plain) ? 'personalData' : null
}
