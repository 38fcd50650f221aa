// Answers of the API, held against its OpenAPI document.
import assert from 'node:assert/strict';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Answer } from './support.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into a document of many shapes
export type Any = any;

/** An OpenAPI document, by which values are judged. */
export class Description {
  readonly document: Any;
  private readonly ajv = new Ajv2020({ strict: false, allErrors: true });

  private readonly compiled = new Map<string, ValidateFunction>();

  /** Its schemas take nothing here that they do not name, so that no member goes undocumented. */
  constructor(document: Any) {
    this.document = document;
    addFormats.default(this.ajv);
    const closed = structuredClone(document);
    for (const schema of Object.values(closed.components.schemas)) close(schema);
    this.ajv.addSchema(closed, 'https://docs.example/openapi.json');
  }

  /**
   * What is wrong with a value; '' for nothing.
   * @param path of a schema in the document, by its members.
   */
  errorsOf(path: string[], value: unknown): string {
    const pointer = path
      .map((member) => `/${encodeURIComponent(member.replaceAll('~', '~0').replaceAll('/', '~1'))}`)
      .join('');
    let validate = this.compiled.get(pointer);
    validate ??= this.ajv.compile({ $ref: `https://docs.example/openapi.json#${pointer}` });
    this.compiled.set(pointer, validate);
    return validate(value) ? '' : this.ajv.errorsText(validate.errors);
  }

  /** Checks that the document tells of an answer: its status, media type, body and header fields. */
  assertDescribed(name: string, answer: Answer): void {
    const [method = '', path = ''] = name.split(' ');
    const at = ['paths', path, method.toLowerCase(), 'responses', String(answer.status)];
    const response = this.document.paths[path][method.toLowerCase()].responses[answer.status];
    assert.ok(response !== undefined, `${name} has no ${answer.status}: ${answer.text}`);
    const mediaType = answer.headers.get('content-type') ?? '';
    assert.ok(Object.hasOwn(response.content, mediaType), `${name} ${answer.status} has no ${mediaType}`);
    assert.equal(this.errorsOf([...at, 'content', mediaType, 'schema'], answer.json), '', answer.text);
    const known: string[] = Object.keys(response.headers);
    for (const [header, value] of answer.headers) {
      if (EVERYWHERE.test(header)) continue;
      const proper = known.find((other) => other.toLowerCase() === header);
      assert.ok(proper !== undefined, `${name} ${answer.status} has an undocumented ${header}`);
      assert.equal(this.errorsOf(['components', 'headers', proper, 'schema'], value), '', `${header}: ${value}`);
    }
  }
}

/** Header fields that are not about the API. */
const EVERYWHERE =
  /^(access-control-.*|cache-control|connection|content-.*|date|keep-alive|transfer-encoding|x-content-type-options)$/;

function close(schema: Any): void {
  if (schema?.properties !== undefined) schema.additionalProperties = false;
  for (const member of Object.values(schema?.properties ?? {})) close(member);
}
