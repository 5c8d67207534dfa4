import { variables } from './configVariables.ts'

/** Who does what in this process. */
export type Role = 'http' | 'projections' | 'reactors' | 'timers'

/** Form kinds at Tilda by form id. */
export type FormKind = 'partner_registration' | 'partner_profile' | 'order' | 'cancel_subscription' | 'lead'

/** A place where Tilda puts the key of its form hook. */
export type KeyPlace = { readonly in: 'header' | 'field' | 'cookie'; readonly name: string }

/** The configuration of the service. A provider is null when it has no credentials. */
export type Config = {
  readonly service: {
    readonly mode: 'sandbox' | 'production'
    readonly port: number
    readonly host: string
    readonly publicUrl: string | null
    readonly pagesUrl: string | null
    readonly databaseUrl: string | null
    readonly databaseListenUrl: string | null
    readonly dataDir: string
    readonly roles: readonly Role[]
    readonly trustedProxies: readonly string[]
    readonly sourceRateMax: number
    readonly testClock: boolean
    readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  }
  readonly access: {
    readonly operatorTokens: readonly string[]
    readonly analystTokens: readonly string[]
    /** One or two keys of 32 bytes, base64; the first is in force. */
    readonly masterKeys: readonly string[]
    readonly operatorEmail: string | null
  }
  readonly fns: { readonly apiKey: string; readonly baseUrl: string; readonly dadataApiKey: string | null } | null
  readonly protalk: {
    readonly clientBotToken: string
    readonly partnerBotToken: string
    readonly webhookSecrets: readonly string[]
    readonly clientBotId: string | null
    readonly partnerBotId: string | null
    readonly baseUrl: string
  } | null
  readonly dialogMode: 'relay' | 'native'
  readonly umnico: {
    readonly apiKey: string
    readonly widgetToken: string
    readonly webhookSecrets: readonly string[]
    readonly accountId: string | null
    readonly baseUrl: string
  } | null
  readonly tilda: {
    readonly publicKey: string
    readonly secretKey: string
    readonly webhookSecrets: readonly string[]
    readonly webhookKeyPlace: KeyPlace
    readonly projectId: string | null
    readonly templatePageId: string | null
    readonly forms: Readonly<Record<string, FormKind>>
    readonly baseUrl: string
  } | null
  readonly flexbe: {
    readonly apiKey: string
    readonly webhookSecrets: readonly string[]
    readonly siteId: string | null
    readonly baseUrl: string | null
  } | null
  readonly yookassa: {
    readonly shopId: string
    readonly secretKeys: readonly string[]
    readonly baseUrl: string
    readonly allowedIps: readonly string[] | null
  } | null
  readonly cloudpayments: {
    readonly publicId: string
    readonly apiSecrets: readonly string[]
    readonly baseUrl: string
  } | null
  readonly billing: {
    readonly provider: 'yookassa' | 'cloudpayments'
    readonly plansFile: string
    readonly receipts: boolean
    readonly receiptTaxSystem: number | null
    readonly receiptVat: number | null
  }
  readonly email: {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly password: string
    readonly from: string
    readonly dailyMax: number
    readonly perMinuteMax: number | null
  } | null
}

/** The environment as a process has it. */
export type Env = Readonly<Record<string, string | undefined>>

/** A configuration, or everything that is wrong with it: sentences that name variables and never a value. */
export type Parsed =
  | { readonly tag: 'config'; readonly config: Config }
  | { readonly tag: 'faults'; readonly faults: readonly string[] }

/** Collects faults, so that all of them are told at once. */
const reading = (env: Env) => {
  const faults: string[] = []
  const text = (name: string): string | null => {
    const value = env[name]?.trim() ?? ''
    return value === '' ? (variables[name]?.default ?? null) : value
  }
  const list = (name: string): readonly string[] =>
    (text(name) ?? '')
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
  const number = (name: string, range: { readonly min: number; readonly max: number }): number | null => {
    const value = text(name)
    if (value === null) return null
    if (/^\d{1,9}$/.test(value) && Number(value) >= range.min && Number(value) <= range.max) return Number(value)
    faults.push(`${name} should be a whole number from ${range.min} to ${range.max}`)
    return null
  }
  const choice = <Choice extends string>(name: string, choices: readonly Choice[]): Choice => {
    const value = text(name)
    const found = choices.find((candidate) => candidate === value)
    if (found !== undefined) return found
    faults.push(`${name} should be one of ${choices.join(', ')}`)
    return choices[0] as Choice
  }
  const flag = (name: string): boolean => {
    const value = text(name)
    if (value === null || value === '0' || value === 'false' || value === 'off') return false
    if (value === '1' || value === 'true' || value === 'on') return true
    faults.push(`${name} should be 1 or 0`)
    return false
  }
  const url = (name: string): string | null => {
    const value = text(name)
    if (value === null) return null
    if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value.replace(/\/+$/, '')
    faults.push(`${name} should be an http or https address`)
    return null
  }
  /** Whole or not at all: the values when all are there, null when none is, a fault naming what is missing otherwise. */
  const whole = <Name extends string>(
    provider: string,
    names: readonly Name[],
  ): Readonly<Record<Name, string>> | null => {
    const given = names.filter((name) => text(name) !== null)
    if (given.length === 0) return null
    const missing = names.filter((name) => text(name) === null)
    if (missing.length > 0)
      faults.push(`${provider} is configured by half: ${missing.join(', ')} should be set beside ${given.join(', ')}`)
    return Object.fromEntries(names.map((name) => [name, text(name) ?? ''])) as Readonly<Record<Name, string>>
  }
  return { faults, text, list, number, choice, flag, url, whole }
}

type Reading = ReturnType<typeof reading>

const roles: readonly Role[] = ['http', 'projections', 'reactors', 'timers']

/** Reads the whole configuration; tells every fault at once. */
export const parseConfig = (env: Env): Parsed => {
  const read = reading(env)
  const mode = read.choice('HUB_MODE', ['sandbox', 'production'])
  const config: Config = {
    service: service(read, mode),
    access: {
      operatorTokens: read.list('HUB_OPERATOR_TOKEN'),
      analystTokens: read.list('HUB_ANALYST_TOKEN'),
      masterKeys: read.list('HUB_MASTER_KEY'),
      operatorEmail: read.text('OPERATOR_EMAIL'),
    },
    ...chats(read),
    ...sites(read),
    ...money(read),
    email: email(read),
  }
  read.faults.push(...unsafe(config, read))
  return read.faults.length > 0 ? { tag: 'faults', faults: read.faults } : { tag: 'config', config }
}

const service = (read: Reading, mode: 'sandbox' | 'production'): Config['service'] => {
  const wanted = read.list('HUB_ROLES')
  const unknown = wanted.filter((role) => !roles.some((known) => known === role))
  if (unknown.length > 0) read.faults.push(`HUB_ROLES should list some of ${roles.join(', ')}`)
  const testClock = read.text('HUB_TEST_CLOCK') === null ? mode === 'sandbox' : read.flag('HUB_TEST_CLOCK')
  if (testClock && mode === 'production')
    read.faults.push('HUB_TEST_CLOCK should not be set in production: the clock must not be moved there')
  return {
    mode,
    port: read.number('PORT', { min: 0, max: 65_535 }) ?? 3000,
    host: read.text('HOST') ?? '127.0.0.1',
    publicUrl: read.url('PUBLIC_URL'),
    pagesUrl: read.url('PAGES_URL'),
    databaseUrl: read.text('DATABASE_URL'),
    databaseListenUrl: read.text('DATABASE_LISTEN_URL'),
    dataDir: read.text('DATA_DIR') ?? '.data',
    roles: roles.filter((role) => wanted.includes(role)),
    trustedProxies: read.list('TRUSTED_PROXIES'),
    sourceRateMax: read.number('HUB_SOURCE_RATE_MAX', { min: 0, max: 1_000_000 }) ?? 200,
    testClock,
    logLevel: read.choice('LOG_LEVEL', ['info', 'debug', 'warn', 'error']),
  }
}

const chats = (read: Reading): Pick<Config, 'protalk' | 'umnico' | 'dialogMode'> => {
  const bots = read.whole('Protalk', [
    'PROTALK_CLIENT_BOT_TOKEN',
    'PROTALK_PARTNER_BOT_TOKEN',
    'PROTALK_WEBHOOK_SECRET',
  ])
  const chat = read.whole('Umnico', ['UMNICO_API_KEY', 'UMNICO_WIDGET_TOKEN'])
  return {
    dialogMode: read.choice('DIALOG_MODE', ['relay', 'native']),
    protalk: bots && {
      clientBotToken: bots.PROTALK_CLIENT_BOT_TOKEN,
      partnerBotToken: bots.PROTALK_PARTNER_BOT_TOKEN,
      webhookSecrets: read.list('PROTALK_WEBHOOK_SECRET'),
      clientBotId: read.text('PROTALK_CLIENT_BOT_ID'),
      partnerBotId: read.text('PROTALK_PARTNER_BOT_ID'),
      baseUrl: read.url('PROTALK_BASE_URL') ?? '',
    },
    umnico: chat && {
      apiKey: chat.UMNICO_API_KEY,
      widgetToken: chat.UMNICO_WIDGET_TOKEN,
      webhookSecrets: read.list('UMNICO_WEBHOOK_SECRET'),
      accountId: read.text('UMNICO_ACCOUNT_ID'),
      baseUrl: read.url('UMNICO_BASE_URL') ?? '',
    },
  }
}

const sites = (read: Reading): Pick<Config, 'tilda' | 'flexbe' | 'fns'> => {
  const tilda = read.whole('Tilda', ['TILDA_PUBLIC_KEY', 'TILDA_SECRET_KEY'])
  const flexbe = read.whole('Flexbe', ['FLEXBE_API_KEY'])
  const fns = read.whole('FNS', ['FNS_API_KEY'])
  return {
    tilda: tilda && {
      publicKey: tilda.TILDA_PUBLIC_KEY,
      secretKey: tilda.TILDA_SECRET_KEY,
      webhookSecrets: read.list('TILDA_WEBHOOK_SECRET'),
      webhookKeyPlace: keyPlace(read),
      projectId: read.text('TILDA_PROJECT_ID'),
      templatePageId: read.text('TILDA_TEMPLATE_PAGE_ID'),
      forms: forms(read),
      baseUrl: read.url('TILDA_BASE_URL') ?? '',
    },
    flexbe: flexbe && {
      apiKey: flexbe.FLEXBE_API_KEY,
      webhookSecrets: read.list('FLEXBE_WEBHOOK_SECRET'),
      siteId: read.text('FLEXBE_SITE_ID'),
      baseUrl: read.url('FLEXBE_BASE_URL'),
    },
    fns: fns && {
      apiKey: fns.FNS_API_KEY,
      baseUrl: read.url('FNS_BASE_URL') ?? '',
      dadataApiKey: read.text('DADATA_API_KEY'),
    },
  }
}

const keyPlace = (read: Reading): KeyPlace => {
  const [place, name] = (read.text('TILDA_WEBHOOK_KEY_IN') ?? '').split(':')
  if ((place === 'header' || place === 'field' || place === 'cookie') && name && /^[\w-]{1,100}$/.test(name))
    return { in: place, name }
  read.faults.push('TILDA_WEBHOOK_KEY_IN should be header:NAME, field:NAME or cookie:NAME')
  return { in: 'header', name: 'X-Api-Key' }
}

const formKinds: readonly FormKind[] = [
  'partner_registration',
  'partner_profile',
  'order',
  'cancel_subscription',
  'lead',
]

const forms = (read: Reading): Readonly<Record<string, FormKind>> => {
  const pairs: [string, FormKind][] = []
  for (const item of read.list('TILDA_FORMS')) {
    const [id, name] = item.split('=')
    const kind = formKinds.find((candidate) => candidate === name)
    if (id && kind) pairs.push([id, kind])
    else read.faults.push(`TILDA_FORMS should list formid=kind, with a kind of ${formKinds.join(', ')}`)
  }
  return Object.fromEntries(pairs)
}

const money = (read: Reading): Pick<Config, 'yookassa' | 'cloudpayments' | 'billing'> => {
  const yookassa = read.whole('YooKassa', ['YUKASSA_SHOP_ID', 'YUKASSA_SECRET_KEY'])
  const cloudpayments = read.whole('CloudPayments', ['CLOUDPAYMENTS_PUBLIC_ID', 'CLOUDPAYMENTS_API_SECRET'])
  const allowedIps = read.list('YUKASSA_ALLOWED_IPS')
  return {
    yookassa: yookassa && {
      shopId: yookassa.YUKASSA_SHOP_ID,
      secretKeys: read.list('YUKASSA_SECRET_KEY'),
      baseUrl: read.url('YUKASSA_BASE_URL') ?? '',
      allowedIps: allowedIps.length > 0 ? allowedIps : null,
    },
    cloudpayments: cloudpayments && {
      publicId: cloudpayments.CLOUDPAYMENTS_PUBLIC_ID,
      apiSecrets: read.list('CLOUDPAYMENTS_API_SECRET'),
      baseUrl: read.url('CLOUDPAYMENTS_BASE_URL') ?? '',
    },
    billing: {
      provider: read.choice('PAYMENT_PROVIDER', ['yookassa', 'cloudpayments']),
      plansFile: read.text('PLANS_FILE') ?? 'plans.json',
      receipts: read.flag('RECEIPTS'),
      receiptTaxSystem: read.number('RECEIPT_TAX_SYSTEM', { min: 0, max: 6 }),
      receiptVat: read.number('RECEIPT_VAT', { min: 0, max: 122 }),
    },
  }
}

const email = (read: Reading): Config['email'] => {
  const relay = read.whole('Email', ['SMTP_HOST', 'SMTP_USER', 'SMTP_PASSWORD', 'EMAIL_FROM'])
  const port = read.number('SMTP_PORT', { min: 1, max: 65_535 })
  const dailyMax = read.number('EMAIL_DAILY_MAX', { min: 1, max: 10_000_000 })
  const perMinuteMax = read.number('EMAIL_PER_MINUTE_MAX', { min: 1, max: 100_000 })
  return (
    relay && {
      host: relay.SMTP_HOST,
      port: port ?? 587,
      user: relay.SMTP_USER,
      password: relay.SMTP_PASSWORD,
      from: relay.EMAIL_FROM,
      dailyMax: dailyMax ?? 450,
      perMinuteMax,
    }
  )
}

/** Whether an address is one that strangers can reach. */
const isPublicHost = (address: string): boolean => {
  const { hostname } = new URL(address)
  if (/^(localhost|.*\.(localhost|local|test|example|invalid|internal))$/.test(hostname)) return false
  return !/^(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|0\.0\.0\.0$|\[::1\]$|\[f[cd])/.test(hostname)
}

/** Combinations that would hand out paid pages for free, or start without what protects people. */
const unsafe = ({ service, access, yookassa, billing, cloudpayments }: Config, read: Reading): string[] => {
  const faults: string[] = []
  for (const key of access.masterKeys) {
    if (Buffer.from(key, 'base64').length !== 32) faults.push('HUB_MASTER_KEY should be 32 bytes in base64')
  }
  if (service.mode === 'production') {
    const required = ['HUB_OPERATOR_TOKEN', 'HUB_ANALYST_TOKEN', 'HUB_MASTER_KEY', 'DATABASE_URL', 'PUBLIC_URL']
    for (const name of required) if (read.text(name) === null) faults.push(`${name} should be set in production`)
    if ([...access.operatorTokens, ...access.analystTokens].some((token) => token.length < 16)) {
      faults.push('HUB_OPERATOR_TOKEN and HUB_ANALYST_TOKEN should have at least 16 characters in production')
    }
  } else if (!read.flag('HUB_SANDBOX_PUBLIC')) {
    if (yookassa?.secretKeys.some((key) => key.startsWith('live_')))
      faults.push('YUKASSA_SECRET_KEY is a live key: it should not be used in the sandbox; set HUB_MODE=production')
    if (service.publicUrl && isPublicHost(service.publicUrl))
      faults.push(
        'PUBLIC_URL is public: a sandbox would give strangers free pages; set HUB_MODE=production, or HUB_SANDBOX_PUBLIC=1',
      )
  }
  if (access.operatorTokens.some((token) => access.analystTokens.includes(token)))
    faults.push('HUB_ANALYST_TOKEN should differ from HUB_OPERATOR_TOKEN')
  if (billing.receipts && billing.receiptVat === null) faults.push('RECEIPT_VAT should be set when RECEIPTS is on')
  if (service.mode === 'production' && billing.provider === 'cloudpayments' && !cloudpayments && yookassa)
    faults.push(
      'PAYMENT_PROVIDER is cloudpayments, but CLOUDPAYMENTS_PUBLIC_ID and CLOUDPAYMENTS_API_SECRET are not set',
    )
  return faults
}
