import { html } from '../connectors/html.ts'
import { operatorRoutes } from './operationsRoutes.ts'
import { layout, pageResponse } from './pages/layout.ts'
import { type Field, isFilter, resources, type SmallResource, smallResources } from './resources.ts'

type Json = Readonly<Record<string, unknown>>

const schemaOf = (field: Field): Json => {
  switch (field.type) {
    case 'number':
      return { type: ['integer', 'null'] }
    case 'boolean':
      return { type: ['boolean', 'null'] }
    case 'time':
      return { type: ['string', 'null'], format: 'date-time' }
    case 'texts':
      return { type: 'array', items: { type: 'string' } }
    case 'numbers':
      return { type: 'array', items: { type: 'integer' } }
    case 'json':
      return {}
    default:
      return { type: ['string', 'null'] }
  }
}

const itemSchema = (resource: SmallResource): Json => {
  const properties: Record<string, Json> = {}
  for (const field of resource.fields) {
    const [head = '', inner] = field.name.split('.')
    if (inner === undefined) properties[head] = schemaOf(field)
    else {
      const object = (properties[head] as { properties?: Record<string, Json> } | undefined) ?? {}
      properties[head] = { type: ['object', 'null'], properties: { ...object.properties, [inner]: schemaOf(field) } }
    }
  }
  return { type: 'object', properties }
}

const query = (name: string, schema: Json, description: string): Json => ({
  name,
  in: 'query',
  required: false,
  schema,
  description,
})
const problems: Json = Object.fromEntries(
  ['400', '401', '403', '404', '405', '409', '422', '429', '503', '504'].map((status) => [
    status,
    { $ref: '#/components/responses/Problem' },
  ]),
)

const listPath = (resource: SmallResource): Json => ({
  get: {
    operationId: `list_${resource.name}`,
    summary: resource.doc,
    parameters: [
      query('limit', { type: 'integer', minimum: 1, maximum: 500, default: 50 }, 'Items of a page'),
      query('cursor', { type: 'string' }, 'Where the last page ended'),
      query('sort', { type: 'string', default: resource.defaultSort }, 'A field, with a minus to descend'),
      query('q', { type: 'string' }, 'A phone however it is typed, an email, an INN, a name, an id'),
      query('minPosition', { type: 'integer' }, 'Wait up to 5 s until the list has seen this position'),
      ...resource.fields
        .filter(isFilter)
        .map((field) => query(field.name, { type: 'string' }, `Only items whose ${field.name} is this`)),
    ],
    responses: {
      200: {
        description: 'A page, or the whole selection as a stream',
        content: {
          'application/json': {
            schema: {
              type: 'object',
              required: ['items', 'nextCursor', 'position'],
              properties: {
                items: { type: 'array', items: { $ref: `#/components/schemas/${resource.name}` } },
                nextCursor: { type: ['string', 'null'] },
                position: { type: 'integer' },
              },
            },
          },
          'text/csv': { schema: { type: 'string' } },
          'application/x-ndjson': { schema: { type: 'string' } },
          'application/vnd.apache.parquet': { schema: { type: 'string', format: 'binary' } },
        },
      },
      ...problems,
    },
  },
})

const pathParameter = (name: string): Json => ({ name, in: 'path', required: true, schema: { type: 'string' } })

const ofTheDatabase = (resource: SmallResource): boolean =>
  resources.some((candidate) => candidate.name === resource.name)

const cardPath = (resource: SmallResource): Json => ({
  get: {
    operationId: `card_${resource.name}`,
    summary: `One item of ${resource.name}`,
    parameters: [
      pathParameter('id'),
      ...(ofTheDatabase(resource)
        ? [
            query('asOf', { type: 'string' }, 'A position or a moment: the card as it was'),
            query('minPosition', { type: 'integer' }, 'Wait until the list has seen this position'),
          ]
        : []),
    ],
    responses: {
      200: {
        description: 'The item',
        content: { 'application/json': { schema: { $ref: `#/components/schemas/${resource.name}` } } },
      },
      ...problems,
    },
  },
})

const commandPath = (path: string, doc: string, body: Readonly<Record<string, string>>): Json => ({
  post: {
    operationId: `command_${path.replace(/[^a-z]+/g, '_')}`,
    summary: doc,
    parameters: [...path.matchAll(/:(\w+)/g)].map((match) => pathParameter(match[1] ?? '')),
    requestBody: {
      required: true,
      content: {
        'application/json': {
          schema: {
            type: 'object',
            required: ['reason'],
            properties: {
              reason: { type: 'string' },
              ...Object.fromEntries(Object.entries(body).map(([name, type]) => [name, { type }])),
            },
          },
        },
      },
    },
    responses: {
      200: {
        description: 'Done',
        headers: { 'X-Position': { schema: { type: 'integer' }, description: 'Position of what was recorded' } },
      },
      202: { description: 'Begun' },
      ...problems,
    },
  },
})

const readPath = (operationId: string, summary: string, parameters: readonly Json[]): Json => ({
  get: { operationId, summary, parameters, responses: { 200: { description: 'The answer' }, ...problems } },
})

/** The description of the API, made of the same tables that answer it. */
export const openApiDocument = (at: { readonly version: string; readonly publicUrl: string }): Json => {
  const lists: readonly SmallResource[] = [...resources, ...smallResources]
  const braces = (path: string): string => `/api/v1/${path.replace(/:(\w+)/g, '{$1}')}`
  return {
    openapi: '3.1.0',
    info: {
      title: 'partner-hub',
      version: at.version,
      description: 'Partners, subscriptions and payments, and everything that made them so',
    },
    servers: [{ url: at.publicUrl }],
    security: [{ bearer: [] }],
    paths: {
      ...Object.fromEntries(lists.map((resource) => [`/api/v1/${resource.name}`, listPath(resource)])),
      ...Object.fromEntries(lists.map((resource) => [`/api/v1/${resource.name}/{id}`, cardPath(resource)])),
      '/api/v1/partners/{id}/why': readPath('why', 'What set a field of a partner, back to the bytes', [
        pathParameter('id'),
        query('field', { type: 'string', default: 'status' }, 'A field by its name'),
      ]),
      '/api/v1/trace/{id}': readPath('trace', 'What led to a webhook, an event or an effect, and what followed', [
        pathParameter('id'),
      ]),
      '/api/v1/projections/{name}/diff': readPath('diff', 'What differs between the candidate and the live rows', [
        pathParameter('name'),
      ]),
      '/api/v1/doctor': readPath('doctor', 'Providers with their hooks, and what should be looked at', []),
      '/api/v1/projections/verify': {
        post: {
          operationId: 'verify',
          summary: 'Fold the log afresh and compare',
          responses: { 200: { description: 'The differences' }, ...problems },
        },
      },
      ...Object.fromEntries(
        operatorRoutes.map((route) => [braces(route.path), commandPath(route.path, route.doc, route.body)]),
      ),
    },
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: Object.fromEntries(lists.map((resource) => [resource.name, itemSchema(resource)])),
      responses: {
        Problem: {
          description: 'A problem by RFC 9457',
          content: {
            'application/problem+json': {
              schema: {
                type: 'object',
                required: ['type', 'title', 'status', 'detail', 'code'],
                properties: {
                  type: { type: 'string' },
                  title: { type: 'string' },
                  status: { type: 'integer' },
                  detail: { type: 'string' },
                  code: { type: 'string' },
                },
              },
            },
          },
        },
      },
    },
  }
}

/** The same description as a page for people. */
export const openApiPage = (document: Json): Response => {
  const paths = Object.entries(
    document.paths as Readonly<
      Record<
        string,
        Readonly<
          Record<
            string,
            { summary: string; parameters?: readonly { name: string; in: string; description?: string }[] }
          >
        >
      >
    >,
  )
  const rows = paths.flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const parameters = (operation.parameters ?? [])
        .filter((parameter) => parameter.in === 'query')
        .map((parameter) => parameter.name)
      return html`<h2>${method.toUpperCase()} ${path}</h2><p>${operation.summary}</p>!${parameters.length === 0 ? '' : html`<p class="small">${parameters.join(', ')}</p>`}`
    }),
  )
  return pageResponse(
    layout({ title: 'API', body: html`<h1>API</h1><p><a href="/openapi/json">OpenAPI 3.1 (JSON)</a></p>!${rows}` }),
  )
}
