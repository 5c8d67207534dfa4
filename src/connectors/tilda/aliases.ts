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
  | 'files'

/** Names of fields by language; compared without case, ё and blanks, and without the `_2` that Tilda adds to a second one. */
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
    'checkbox',
    'personal_data',
    'персональные_данные',
  ],
  marketing: ['marketing', 'рассылка', 'newsletter', 'subscribe', 'подписка_на_новости', 'согласие_на_рассылку'],
  files: ['files', 'file', 'файл', 'файлы', 'документы', 'документ'],
}

const meanings = new Map(
  Object.entries(aliases).flatMap(([meaning, names]) => names.map((name) => [name, meaning as FieldMeaning])),
)

/**
 * The meaning of a field's name; null for one that we do not know.
 * @example meaningOf('Телефон_2') // 'phone'
 */
export const meaningOf = (name: string): FieldMeaning | null => {
  const plain = name.normalize('NFC').trim().toLowerCase().replace(/ё/g, 'е').replace(/\s+/g, '_')
  return meanings.get(plain) ?? meanings.get(plain.replace(/_\d{1,2}$/, '')) ?? null
}
