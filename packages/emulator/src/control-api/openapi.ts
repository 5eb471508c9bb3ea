import { packageVersion } from '../base/package-info.js'
import { controlApiPath } from './control-api.js'
import { components, type Operation, operations } from './operations.js'
import type { Schema } from './schemas.js'

/** The description of the control API (OpenAPI 3.1), made from the table that the server works with. */
export function openApiDocument(origin: string): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const operation of operations) {
    const path = (paths[operation.path] ??= {})
    path[operation.method.toLowerCase()] = describe(operation)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Control API of the Countersign emulator',
      version: packageVersion(),
      description: 'For development and tests. Anyone who has the token can change everything.',
    },
    servers: [{ url: `${origin}${controlApiPath}` }],
    security: [{ controlToken: [] }],
    paths,
    components: {
      securitySchemes: { controlToken: { type: 'http', scheme: 'bearer' } },
      schemas: components,
    },
  }
}

function describe({ id, summary, path, query = {}, body, answer }: Operation): object {
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...Object.entries(query).map(([name, schema]) => ({ name, in: 'query', schema })),
  ]
  const problem = { description: 'A refusal', content: json({ $ref: '#/components/schemas/Problem' }) }
  return {
    operationId: id,
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(body) } }),
    responses: {
      ...(answer === undefined
        ? { 204: { description: 'Done' } }
        : { 200: { description: 'Done', content: json(answer) } }),
      '4XX': problem,
    },
  }
}

function json(schema: Schema): object {
  return { 'application/json': { schema } }
}
