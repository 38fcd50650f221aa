import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { Finding } from '../topic/diagnostic.ts';
import { nearest } from '../topic/nearest.ts';

/** The published schemas lie beside `src/` and beside `dist/`. */
const FOLDER = new URL('../../schemas/', import.meta.url);
const EXTENSION = '.schema.json';

export type SchemaName = 'frontmatter' | 'descriptor' | 'manifest' | 'payload' | 'versions' | 'errors' | 'config';

/** What is wrong with a value, and at which member. */
export interface SchemaProblem extends Pick<Finding, 'message' | 'hint'> {
  code: 'unknown-key' | 'invalid-value' | 'missing-key';
  /** Keys from the root to the member. */
  path: (string | number)[];
  /** Whether the key itself is at fault or its value. */
  what: 'key' | 'value';
}

/** The published schemas as text, by file name, e.g. `descriptor.schema.json`. */
export function schemaFiles(): Map<string, string> {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith(EXTENSION));
  return new Map(names.map((name) => [name, readFileSync(new URL(name, FOLDER), 'utf8')]));
}

/**
 * Checks a value against a published schema (JSON Schema 2020-12). In front matter every scalar is text, and a number or boolean
 * that the schema asks for is made of it in place; elsewhere nothing is converted.
 * @returns every problem, in the order of the schema.
 */
export function validate(name: SchemaName, value: unknown): SchemaProblem[] {
  const check = validatorFor(name);
  if (check(value)) return [];
  return (check.errors ?? [])
    .filter((error) => error.keyword !== 'propertyNames')
    .map((error) => problem(error, check));
}

const validators = new Map<SchemaName, ValidateFunction>();

function validatorFor(name: SchemaName): ValidateFunction {
  let validator = validators.get(name);
  if (validator === undefined) {
    // `allErrors` is safe here: sources are bounded in size, and all problems are to be shown in one run.
    const ajv = new Ajv2020({
      allErrors: true,
      verbose: true,
      coerceTypes: name === 'frontmatter',
      allowUnionTypes: true,
    });
    addFormats.default(ajv);
    for (const text of schemaFiles().values()) ajv.addSchema(JSON.parse(text));
    validator = ajv.getSchema(`${name}${EXTENSION}`) as ValidateFunction;
    validators.set(name, validator);
  }
  return validator;
}

function problem(error: ErrorObject, check: ValidateFunction): SchemaProblem {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'));
  if (error.keyword === 'additionalProperties') {
    const key = String(error.params.additionalProperty);
    const known = Object.keys((error.parentSchema as { properties?: object }).properties ?? {});
    const near = nearest(key, known);
    const hint = near === undefined ? `known keys: ${known.join(', ')}` : `did you mean "${near}"?`;
    return { code: 'unknown-key', path: [...path, key], what: 'key', message: `unknown key "${key}"`, hint };
  }
  if (error.keyword === 'required') {
    const key = String(error.params.missingProperty);
    const place = path.length === 0 ? '' : ` in "${path.join('.')}"`;
    return { code: 'missing-key', path, what: 'key', message: `"${key}" is missing${place}`, hint: `add "${key}:"` };
  }
  if (error.propertyName !== undefined) {
    const key = error.propertyName;
    const hint = 'use letters, digits, - and _';
    return { code: 'invalid-value', path: [...path, key], what: 'key', message: `"${key}" is no valid name`, hint };
  }
  return { code: 'invalid-value', path, what: 'value', ...wording(error, path.join('.') || 'the document', check) };
}

function wording(error: ErrorObject, name: string, check: ValidateFunction): { message: string; hint?: string } {
  const params = error.params as Record<string, unknown>;
  switch (error.keyword) {
    case 'enum': {
      const allowed = params.allowedValues as string[];
      const near = typeof error.data === 'string' ? nearest(error.data, allowed) : undefined;
      const hint =
        near === undefined ? `write one of: ${allowed.join(', ')}` : `did you mean "${near}"? (${allowed.join(', ')})`;
      return { message: `"${name}" is ${show(error.data)}, which is none of its values`, hint };
    }
    case 'type':
      return {
        message: `"${name}" must be of type ${params.type}, not ${show(error.data)}`,
        hint: typeHint(String(params.type)),
      };
    case 'pattern': {
      const { description, examples } = error.parentSchema as { description?: string; examples?: string[] };
      const example = examples?.[0] === undefined ? undefined : `write it like ${examples[0]}`;
      return {
        message: `"${name}" is ${show(error.data)}, which is not well formed`,
        hint: example ?? description ?? `it must match ${params.pattern}`,
      };
    }
    case 'minimum':
    case 'maximum': {
      const { minimum, maximum } = error.parentSchema as { minimum: number; maximum: number };
      return { message: `"${name}" is ${show(error.data)}`, hint: `write a number from ${minimum} to ${maximum}` };
    }
    case 'minLength':
      return { message: `"${name}" is empty`, hint: 'give it a value or leave the key out' };
    case 'uniqueItems':
      return { message: `"${name}" has an entry twice`, hint: 'leave one of them out' };
    case 'format':
      return {
        message: `"${name}" is ${show(error.data)}, which is no ${params.format}`,
        hint: params.format === 'date' ? 'write it as 2026-11-22' : '',
      };
    default:
      return {
        message: `"${name}" ${error.message ?? 'is not valid'}`,
        hint: `see schema ${check.schema === undefined ? '' : String((check.schema as { $id?: string }).$id)}`,
      };
  }
}

function typeHint(type: string): string {
  if (type === 'array') return 'write a list: [one, two]';
  if (type === 'object') return 'write a mapping: {name: value}';
  if (type === 'boolean') return 'write true or false';
  return type === 'integer' ? 'write a whole number' : `write a ${type}`;
}

/** A value as a message quotes it, short. Characters. */
const SHOWN_LIMIT = 60;

function show(value: unknown): string {
  const text = toJson(value);
  return text.length > SHOWN_LIMIT ? `${text.slice(0, SHOWN_LIMIT - 1)}…` : text;
}

/** A YAML alias may make a value contain itself. */
function toJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return 'a value that contains itself';
  }
}
