import type {
  Answer,
  Delivery,
  Inquiry,
  IntakeContext,
  IntakeTarget,
  Reading,
  WebhookWire,
} from '../connectors/connector.ts'

/** One webhook route of the service. Its secrets are checked by `wire`, so a route without a wire does not compile. */
export type WebhookRoute<Settings = never, Facts = never> = {
  readonly source: 'tilda' | 'umnico' | 'protalk' | 'flexbe' | 'yookassa' | 'cloudpayments'
  /** Such as `tilda/form`; kept with the delivery. */
  readonly route: string
  readonly methods: readonly string[]
  readonly settings: () => Settings
  readonly wire: Omit<WebhookWire<Settings, Facts>, 'read'> & {
    readonly read: (delivery: Delivery, settings: Settings) => Reading<Facts> | Inquiry<Facts>
  }
  /** The claims that decide where the facts go; they are looked up before `intake`. */
  readonly claims?: (facts: Facts) => readonly string[]
  readonly intake: (facts: Facts, context: IntakeContext) => IntakeTarget
  /** What differing content under a known key means. `conflict`: the first one stands. `reread`: it is a hint again. */
  readonly whenContentDiffers: 'conflict' | 'reread'
  /** Answers at once from local state, without waiting for a commit; null lets the delivery take the ordinary way. */
  readonly decideAtOnce?: (facts: Facts, delivery: Delivery) => Promise<Answer | null>
  /** Answers what changes nothing, so that nothing is kept of it; null lets the delivery take the ordinary way. */
  readonly inquire?: (facts: Facts, delivery: Delivery) => Promise<Answer | null>
  /** The answer to a kept delivery and to its repeats, when it says more than that it was accepted. */
  readonly answerAfter?: (facts: Facts, delivery: Delivery) => Promise<Answer>
  /** Money: taken before chats and forms, over connections that nothing else uses. */
  readonly urgent?: boolean
  /** The sender does not wait for a commit longer than this, because its answer grants nothing; absent: until it is committed. */
  readonly answersWithinMs?: number
  /** The facts of a poor delivery go to `intake` too, because even they tell something; the row stays in quarantine. */
  readonly takesPoor?: boolean
}

/** A route whose settings and facts are known only to itself. */
export type AnyWebhookRoute = {
  readonly source: WebhookRoute['source']
  readonly route: string
  readonly methods: readonly string[]
  readonly whenContentDiffers: 'conflict' | 'reread'
  readonly verify: (delivery: Delivery) => ReturnType<WebhookWire<unknown, unknown>['verify']>
  readonly read: (delivery: Delivery) => Reading<unknown> | Inquiry<unknown>
  readonly accepted: (delivery: Delivery) => Answer
  readonly secretFields: () => readonly string[]
  readonly claims: (facts: unknown) => readonly string[]
  readonly intake: (facts: unknown, context: IntakeContext) => IntakeTarget
  readonly decideAtOnce: ((facts: unknown, delivery: Delivery) => Promise<Answer | null>) | null
  readonly inquire: ((facts: unknown, delivery: Delivery) => Promise<Answer | null>) | null
  readonly answerAfter: ((facts: unknown, delivery: Delivery) => Promise<Answer>) | null
  readonly urgent: boolean
  readonly answersWithinMs: number | null
  readonly takesPoor: boolean
}

/** Hides the types of a route; facts come back to the intake of the same route only. */
export const webhookRoute = <Settings, Facts>(route: WebhookRoute<Settings, Facts>): AnyWebhookRoute => {
  const { wire, settings, claims, decideAtOnce, inquire, answerAfter } = route
  return {
    source: route.source,
    route: route.route,
    methods: route.methods,
    whenContentDiffers: route.whenContentDiffers,
    verify: (delivery) => wire.verify(delivery, settings()),
    read: (delivery) => wire.read(delivery, settings()),
    accepted: (delivery) => wire.accepted(delivery),
    secretFields: () => wire.secretFields?.(settings()) ?? [],
    claims: (facts) => claims?.(facts as Facts) ?? [],
    intake: (facts, context) => route.intake(facts as Facts, context),
    decideAtOnce: decideAtOnce ? (facts, delivery) => decideAtOnce(facts as Facts, delivery) : null,
    inquire: inquire ? (facts, delivery) => inquire(facts as Facts, delivery) : null,
    answerAfter: answerAfter ? (facts, delivery) => answerAfter(facts as Facts, delivery) : null,
    urgent: route.urgent === true,
    answersWithinMs: route.answersWithinMs ?? null,
    takesPoor: route.takesPoor === true,
  }
}
