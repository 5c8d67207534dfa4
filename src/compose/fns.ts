import { createFnsCourier } from '../connectors/fns/client.ts'
import { createFnsTwin } from '../connectors/fns/twin.ts'
import { type Composing, off, type Provider, statusOf } from './provider.ts'

const twinKey = 'sandbox'

/** Composes the tax registry: nobody calls us, we ask. */
export const composeFns = (composing: Composing): Provider => {
  const { config, ownUrl } = composing
  const status = statusOf(config, config.fns)
  if (status === 'off') return off('fns')
  const dadataBaseUrl = 'https://suggestions.dadata.ru/suggestions/api/4_1/rs'
  const settings = config.fns
    ? { apiKey: config.fns.apiKey, baseUrl: config.fns.baseUrl, dadataApiKey: config.fns.dadataApiKey, dadataBaseUrl }
    : {
        apiKey: twinKey,
        baseUrl: `${ownUrl}/sandbox/fns/api`,
        dadataApiKey: null,
        dadataBaseUrl: `${ownUrl}/sandbox/fns/dadata`,
      }
  return {
    name: 'fns',
    status,
    hooks: [],
    courier: createFnsCourier(settings, { call: composing.call, ...(status === 'twin' ? { perSecondMax: 50 } : {}) }),
    places: [],
    twin:
      status === 'twin'
        ? createFnsTwin(composing.twinContext('fns'), { apiKey: twinKey, dadataApiKey: twinKey })
        : null,
  }
}
