import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openApiDocument, openApiPage } from '../../src/http/openapi.ts'
import { operatorRoutes } from '../../src/http/operationsRoutes.ts'
import { isFilter, resources, smallResources } from '../../src/http/resources.ts'
import type { Json } from '../support/service.ts'

const document: Json = JSON.parse(
  JSON.stringify(openApiDocument({ version: '1.2.3', publicUrl: 'https://hub.example.ru' })),
)
const lists = [...resources, ...smallResources]
const operations: readonly (readonly [path: string, method: string, operation: Json])[] = Object.entries<Json>(
  document.paths,
).flatMap(([path, methods]) =>
  Object.entries<Json>(methods).map(([method, operation]) => [path, method, operation] as const),
)

describe('openApiDocument()', () => {
  it('is OpenAPI 3.1 with a bearer scheme that every operation needs', () => {
    assert.match(document.openapi, /^3\.1\.\d$/)
    assert.equal(document.info.version, '1.2.3')
    assert.deepEqual(document.components.securitySchemes.bearer, { type: 'http', scheme: 'bearer' })
    assert.deepEqual(document.security, [{ bearer: [] }])
  })

  it('declares limit, cursor, sort, q and every filter on each list', () => {
    for (const list of lists) {
      const { parameters } = document.paths[`/api/v1/${list.name}`].get
      const names = parameters.map((parameter: Json) => parameter.name)
      for (const name of ['limit', 'cursor', 'sort', 'q', ...list.fields.filter(isFilter).map((field) => field.name)])
        assert.ok(names.includes(name), `${list.name} ${name}`)
      assert.equal(new Set(names).size, names.length)
      for (const parameter of parameters)
        assert.ok(parameter.in === 'query' && parameter.schema && parameter.description)
    }
  })

  it('declares a card of each list and every operator command', () => {
    for (const list of lists) assert.ok(document.paths[`/api/v1/${list.name}/{id}`].get, list.name)
    for (const route of operatorRoutes) {
      const { post } = document.paths[`/api/v1/${route.path.replace(/:(\w+)/g, '{$1}')}`]
      const { schema } = post.requestBody.content['application/json']
      assert.deepEqual(schema.required, ['reason'])
      for (const name of Object.keys(route.body)) assert.ok(schema.properties[name], `${route.path} ${name}`)
    }
  })

  it('names every part of a path, every operation once, and only schemas that exist', () => {
    const ids = operations.map(([, , operation]) => operation.operationId)
    assert.equal(new Set(ids).size, ids.length)
    for (const [path, method, operation] of operations) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1])
      const declared = (operation.parameters ?? []).filter((parameter: Json) => parameter.in === 'path')
      assert.deepEqual(
        declared.map((parameter: Json) => parameter.name),
        inPath,
        `${method} ${path}`,
      )
      for (const parameter of declared) assert.equal(parameter.required, true)
      for (const response of Object.values<Json>(operation.responses)) assert.ok(response.description || response.$ref)
    }
    for (const [, reference = ''] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = reference.split('/').reduce((value: Json, key) => value?.[key], document)
      assert.ok(found, reference)
    }
  })
})

describe('openApiPage()', () => {
  it('shows the operations without code or style of its own', async () => {
    const response = openApiPage(document)
    const text = await response.text()
    assert.match(text, /GET \/api\/v1\/partners/)
    assert.match(text, /\/openapi\/json/)
    assert.doesNotMatch(text, /<script|<style|style=|onclick/i)
    assert.doesNotMatch(response.headers.get('content-security-policy') ?? 'unsafe-inline', /unsafe-/)
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff')
  })
})
