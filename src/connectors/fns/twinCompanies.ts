/** A company of the invented registry. */
export type TwinCompany = {
  readonly kind: 'company' | 'sole_trader'
  readonly inn: string
  readonly kpp: string | null
  readonly ogrn: string
  readonly name: string
  readonly status: string
  readonly registeredOn: string
  readonly closedOn: string | null
  /** Founders and directors by whose INN a search also finds the company. */
  readonly people: readonly string[]
  readonly flags: readonly string[]
  /** How long the registry thinks about this one, as it does about companies with a long history. */
  readonly slowSeconds?: number
  /** For people, what this one is good for. */
  readonly note: string
}

/** The registry, and how many requests a key has left; null: as many as it likes. */
export type RegistryData = {
  readonly companies: readonly TwinCompany[]
  readonly requests: number
  readonly quota: number | null
  /** How errors are worded; absent in what an older twin kept. */
  readonly errorShape?: ErrorShape
}

/** The registry words its errors in four ways; all of them were seen. */
export type ErrorShape = 'text-403' | 'text-200' | 'string-200' | 'json-text-200'

/** All of them. */
export const errorShapes: readonly ErrorShape[] = ['text-403', 'text-200', 'string-200', 'json-text-200']

/** Companies that do not exist; their numbers only pass the check digits. */
export const registryCompanies: readonly TwinCompany[] = [
  {
    kind: 'company',
    inn: '7700000009',
    kpp: '770001001',
    ogrn: '1227600100012',
    name: 'ООО "ПРИМЕР ДОМ"',
    status: 'Действующее',
    registeredOn: '2022-03-14',
    closedOn: null,
    people: [],
    flags: [],
    note: 'действует',
  },
  {
    kind: 'company',
    inn: '7604001017',
    kpp: '760401001',
    ogrn: '1227600100023',
    name: 'ООО "ЯРОСЛАВСКИЕ КРЫШИ"',
    status: 'Действующее',
    registeredOn: '2015-06-01',
    closedOn: null,
    people: ['760400200160'],
    flags: ['РегНедавно'],
    note: 'действует; по ИНН учредителя 760400200160 находится она же',
  },
  {
    kind: 'company',
    inn: '7604002028',
    kpp: '760401001',
    ogrn: '1227600100034',
    name: 'ООО "ВОЛЖСКИЙ БЕРЕГ"',
    status: 'Действующее',
    registeredOn: '2019-09-20',
    closedOn: null,
    people: [],
    flags: [],
    note: 'действует',
  },
  {
    kind: 'company',
    inn: '7604003039',
    kpp: '760401001',
    ogrn: '1227600100045',
    name: 'ООО "СТАРЫЙ ФУНДАМЕНТ"',
    status: 'Ликвидировано',
    registeredOn: '2009-01-12',
    closedOn: '2023-05-05',
    people: [],
    flags: [],
    note: 'ликвидирована',
  },
  {
    kind: 'company',
    inn: '7604004040',
    kpp: '760401001',
    ogrn: '1227600100056',
    name: 'ООО "ДОЛГОСТРОЙ"',
    status: 'В отношении юридического лица в деле о несостоятельности (банкротстве) введено наблюдение',
    registeredOn: '2012-02-02',
    closedOn: null,
    people: [],
    flags: [],
    note: 'банкротство',
  },
  {
    kind: 'company',
    inn: '7604005050',
    kpp: '760401001',
    ogrn: '1227600100067',
    name: 'ООО "ТИХАЯ КОНТОРА"',
    status: 'Принято решение о предстоящем исключении недействующего юридического лица из ЕГРЮЛ',
    registeredOn: '2014-04-04',
    closedOn: null,
    people: [],
    flags: [],
    note: 'исключают из реестра',
  },
  {
    kind: 'company',
    inn: '7604006061',
    kpp: '760401001',
    ogrn: '1227600100078',
    name: 'ООО "ПОСЛЕДНИЙ КИРПИЧ"',
    status: 'Находится в стадии ликвидации',
    registeredOn: '2016-10-10',
    closedOn: null,
    people: [],
    flags: [],
    note: 'ликвидируется',
  },
  {
    kind: 'company',
    inn: '7604007072',
    kpp: '760401001',
    ogrn: '1227600100089',
    name: 'ООО "ЗАГАДКА"',
    status: 'Статус уточняется',
    registeredOn: '2018-08-08',
    closedOn: null,
    people: [],
    flags: [],
    note: 'незнакомый статус',
  },
  {
    kind: 'company',
    inn: '7604008083',
    kpp: '760401001',
    ogrn: '1227600100090',
    name: 'ООО "МАССОВЫЙ АДРЕС"',
    status: 'Действующее',
    registeredOn: '2021-11-11',
    closedOn: null,
    people: [],
    flags: ['НедостоверАдрес'],
    note: 'отметка о недостоверном адресе',
  },
  {
    kind: 'company',
    inn: '7604009104',
    kpp: '760401001',
    ogrn: '1227600100100',
    name: 'ООО "ВЕКОВАЯ ИСТОРИЯ"',
    status: 'Действующее',
    registeredOn: '1994-05-16',
    closedOn: null,
    people: [],
    flags: [],
    slowSeconds: 5,
    note: 'действует, реестр отвечает медленно',
  },
  {
    kind: 'company',
    inn: '7604010117',
    kpp: '760401001',
    ogrn: '1227600100111',
    name: 'ООО "ДВА КРЫЛЬЦА"',
    status: 'Юридическое лицо находится в процессе реорганизации в форме присоединения',
    registeredOn: '2011-03-21',
    closedOn: null,
    people: [],
    flags: [],
    note: 'реорганизуется',
  },
  {
    kind: 'sole_trader',
    inn: '760400123438',
    kpp: null,
    ogrn: '322760000000100',
    name: 'Оценкин Иван Петрович',
    status: 'Действующее',
    registeredOn: '2020-01-31',
    closedOn: null,
    people: [],
    flags: [],
    note: 'ИП, действует',
  },
  {
    kind: 'sole_trader',
    inn: '760400567810',
    kpp: null,
    ogrn: '322760000000111',
    name: 'Бывалова Анна Сергеевна',
    status: 'Прекратило деятельность',
    registeredOn: '2017-07-07',
    closedOn: '2022-02-02',
    people: [],
    flags: [],
    note: 'ИП, закрыто',
  },
  {
    kind: 'sole_trader',
    inn: '760400567810',
    kpp: null,
    ogrn: '322760000000122',
    name: 'Бывалова Анна Сергеевна',
    status: 'Действующее',
    registeredOn: '2023-03-03',
    closedOn: null,
    people: [],
    flags: [],
    note: 'то же лицо, открыто снова',
  },
]
