import type { DomainEvent } from '../domain/index.ts'
import type { FindingKind } from '../domain/reconciliationMessages.ts'
import { kopecks, rublesText } from '../kernel/money.ts'
import type { ReactorSettings } from './settings.ts'

const words: Readonly<Record<FindingKind, string>> = {
  behind: 'у провайдера сведения новее наших',
  'lead-missing': 'заявки не было у нас',
  'fact-differs': 'платёж не сходится с заказом',
  'payment-twice': 'провайдер принял второй платёж по тому же номеру',
  'order-unknown': 'у провайдера есть платёж с номером, которого мы не выдавали',
  'status-differs': 'у нас платёж прошёл, а у провайдера нет',
  'refunds-differ': 'у провайдера возвращено меньше, чем у нас',
  'refund-twice': 'провайдер сделал один возврат дважды',
  'absent-there': 'провайдер не знает платежа, который у нас прошёл',
}

/** What the letter about a difference says; no person is in it. */
export const differenceAlert = (
  { publicUrl }: Pick<ReactorSettings, 'publicUrl'>,
  data: Extract<DomainEvent, { type: 'DifferenceFound' }>['data'],
): { readonly title: string; readonly text: string; readonly consoleUrl: string } => {
  const { provider, externalId, kind, amountKopecks, field, expected, actual, remedy, differenceId } = data
  const sum = amountKopecks === null ? '' : ` Сумма: ${rublesText(kopecks(amountKopecks)).replace('.', ',')} ₽.`
  const facts = field === null ? '' : ` Поле ${field}: у нас ${expected ?? 'нет'}, у провайдера ${actual ?? 'нет'}.`
  const way =
    remedy === 'refund'
      ? ` Вернуть эти деньги можно одной командой: hub differences correct ${differenceId} или кнопкой в консоли.`
      : ' Одной команды для этого нет: проверьте кабинет провайдера.'
  return {
    title: 'Сверка нашла расхождение',
    text: `Сверка с ${provider}, ${externalId}: ${words[kind]}.${sum}${facts}${way}`,
    consoleUrl: `${publicUrl}/console/reconciliation`,
  }
}

/** What the letter about a nightly comparison that came to nothing says. */
export const runFailedAlert = (
  { publicUrl }: Pick<ReactorSettings, 'publicUrl'>,
  { provider, firstDay, lastDay, code }: Extract<DomainEvent, { type: 'ReconciliationFailed' }>['data'],
): { readonly title: string; readonly text: string; readonly consoleUrl: string } => ({
  title: 'Ночная сверка не удалась',
  text: `Сверка с ${provider} за ${firstDay === lastDay ? lastDay : `${firstDay} – ${lastDay}`} не закончилась: ${code}. Следующая ночная сверка захватит и эти дни; что значит код, скажет hub explain ${code}.`,
  consoleUrl: `${publicUrl}/console/reconciliation`,
})
