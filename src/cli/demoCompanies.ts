/** How the story of a company goes. */
export type Plot = 'pays' | 'declined-then-pays' | 'liquidated' | 'bad-inn' | 'twice'

/** A company of the demonstration; it exists in the sandbox's registry only. */
export type DemoCompany = {
  readonly plot: Plot
  readonly company: string
  readonly inn: string
  readonly contact: string
  readonly phone: string
  readonly email: string
  readonly city: string
  readonly services: string
  /** What the registry says; null when it does not know the number. */
  readonly registryStatus: string | null
  readonly expected: { readonly status: string; readonly subscription: string | null }
}

const weights = [2, 4, 10, 3, 5, 9, 4, 6, 8]

/**
 * A company's INN for nine digits: the tenth is their check digit.
 * @example innOf('770000000') // '7700000009'
 */
export const innOf = (digits: string): string => {
  const sum = weights.reduce((total, weight, index) => total + weight * Number(digits[index]), 0)
  return `${digits}${(sum % 11) % 10}`
}

const spoiled = (inn: string): string => `${inn.slice(0, 9)}${(Number(inn[9]) + 1) % 10}`

/**
 * The five companies of a day. `seed` makes their numbers fresh, so that a second day in the same sandbox is a day of its own:
 * five digits.
 */
export const demoCompanies = (seed: string): readonly DemoCompany[] => {
  const inn = (place: number): string => innOf(`760${seed}${place}`)
  const contact = (place: number) => ({
    phone: `+7912${seed}${place}${place}`,
    email: `demo-${seed}-${place}@example.ru`,
  })
  const active = 'Действующее'
  return [
    {
      plot: 'pays',
      company: 'ООО «Ясный Берег»',
      inn: inn(1),
      contact: 'Заречная Мария',
      city: 'Ярославль',
      services: 'Ипотека; Оценка',
      registryStatus: active,
      expected: { status: 'verified', subscription: 'active' },
      ...contact(1),
    },
    {
      plot: 'declined-then-pays',
      company: 'ООО «Тёплый Кирпич»',
      inn: inn(2),
      contact: 'Печников Олег',
      city: 'Кострома',
      services: 'Строительство',
      registryStatus: active,
      expected: { status: 'verified', subscription: 'active' },
      ...contact(2),
    },
    {
      plot: 'liquidated',
      company: 'ООО «Вчерашний Дом»',
      inn: inn(3),
      contact: 'Минувшин Павел',
      city: 'Рыбинск',
      services: 'Строительство',
      registryStatus: 'Ликвидировано',
      expected: { status: 'rejected', subscription: null },
      ...contact(3),
    },
    {
      plot: 'bad-inn',
      company: 'ООО «Опечатка»',
      inn: spoiled(inn(4)),
      contact: 'Спешилова Анна',
      city: 'Тверь',
      services: 'Оценка',
      registryStatus: null,
      expected: { status: 'rejected', subscription: null },
      ...contact(4),
    },
    {
      plot: 'twice',
      company: 'ООО «Два Звонка»',
      inn: inn(5),
      contact: 'Повторова Ольга',
      city: 'Вологда',
      services: 'Ипотека',
      registryStatus: active,
      expected: { status: 'verified', subscription: 'pending_payment' },
      ...contact(5),
    },
  ]
}
