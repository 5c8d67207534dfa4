import type { Config } from '../config.ts'
import type { Courier } from '../connectors/connector.ts'
import type { ChargeStands, ProviderCall } from '../connectors/exchange.ts'
import type { Twin, TwinContext } from '../connectors/twin.ts'
import type { WebhookPlace } from '../http/webhooks.ts'
import type { Instant } from '../kernel/time.ts'
import type { Core } from './core.ts'
import type { Logger } from './log.ts'

/** What a provider is composed of: its door, its courier, and its twin where it has one. */
export type Provider = {
  readonly name: string
  readonly status: 'on' | 'off' | 'twin'
  /** Full addresses to paste into the provider's cabinet. */
  readonly hooks: readonly string[]
  readonly courier: Courier | null
  readonly places: readonly WebhookPlace[]
  readonly twin: Twin | null
  /** What the provider is asked again and again. */
  readonly periodic?: readonly Periodic[]
  readonly close?: () => Promise<void>
}

/** An operation that is due at the start and then once in every period of the service's clock. */
export type Periodic = { readonly kind: string; readonly everyMs: number }

/** What composing a provider needs. */
export type Composing = {
  readonly config: Config
  readonly core: Core
  readonly log: Logger
  readonly call: ProviderCall
  readonly stands: ChargeStands
  readonly fetch: typeof fetch
  readonly now: () => Instant
  readonly newId: () => string
  /** Where this process listens, as it calls itself. */
  readonly ownUrl: string
  readonly publicUrl: string
  /** A secret that the owner did not choose, derived from the master key. */
  readonly derivedSecret: (name: string) => string
  /** What a twin is given. */
  readonly twinContext: <State>(name: string) => TwinContext<State>
}

/** On with credentials; a twin in the sandbox; off in production. */
export const statusOf = (config: Config, configured: unknown): Provider['status'] =>
  configured !== null ? 'on' : config.service.mode === 'sandbox' ? 'twin' : 'off'

/** A provider without credentials in production: its routes are closed. */
export const off = (name: string): Provider => ({
  name,
  status: 'off',
  hooks: [],
  courier: null,
  places: [],
  twin: null,
})
