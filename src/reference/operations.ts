import { KEY_LIMIT } from '../idempotency/index.ts';
import type { ErrorName } from './errors.ts';
import { PAGE_SIZE, PAGE_SIZE_LIMIT } from './parameters.ts';
import { BODY_LIMIT_BYTES, DELAY_LIMIT_MS, JSON_ONLY, PATCH_TYPES, SIMULATED_ERRORS } from './request.ts';
import { type Part, reference } from './schemas.ts';

/** What the OpenAPI document says about one operation. */
export interface Operation {
  id: string;
  summary: string;
  description: string;
  /** Slug of the topic that explains it. */
  topic: string;
  /** Whether it needs a token. */
  secured: boolean;
  parameters: string[];
  /** What the body may be, by media type. */
  body?: { required: boolean; types: readonly string[]; schema: string };
  success: { status: number; description: string; schema?: string; headers: string[] };
  errors: ErrorName[];
}

const STORE_ERRORS: ErrorName[] = ['RATE_LIMITED', 'INTERNAL_ERROR', 'STORE_UNAVAILABLE', 'STORE_FULL'];
const TOKEN_ERRORS: ErrorName[] = ['TOKEN_MISSING', 'TOKEN_INVALID', ...STORE_ERRORS];
const BODY_ERRORS: ErrorName[] = [
  'CONTENT_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'JSON_INVALID',
  'JSON_DUPLICATE_MEMBER',
  'JSON_NUMBER_INEXACT',
  'BODY_NOT_OBJECT',
  'PARAMETER_UNKNOWN',
  'PARAMETER_INVALID',
];
const KEY_ERRORS: ErrorName[] = [
  ...TOKEN_ERRORS,
  ...BODY_ERRORS,
  'SIMULATION_INVALID',
  'IDEMPOTENCY_KEY_MISSING',
  'IDEMPOTENCY_KEY_INVALID',
  'IDEMPOTENCY_CONFLICT',
  'IDEMPOTENCY_IN_PROGRESS',
  'SANDBOX_FULL',
];

/** Everything that can be asked for, by method and path. */
export const OPERATIONS: Record<string, Operation> = {
  'POST /sandboxes': {
    id: 'createSandbox',
    summary: 'Make a sandbox',
    description: 'An anonymous account that lives for a day. Its token is told this once.',
    topic: 'api/sandboxes',
    secured: false,
    parameters: [],
    body: { required: false, types: JSON_ONLY, schema: 'SandboxRequest' },
    success: { status: 201, description: 'The sandbox, with its token.', schema: 'Sandbox', headers: [] },
    errors: [...BODY_ERRORS, ...STORE_ERRORS],
  },
  'GET /charges': {
    id: 'listCharges',
    summary: 'List charges',
    description: 'All charges of the sandbox, latest first, page by page.',
    topic: 'api/charges',
    secured: true,
    parameters: ['limit', 'after'],
    success: { status: 200, description: 'A page of the list.', schema: 'ChargeList', headers: [] },
    errors: [...TOKEN_ERRORS, 'QUERY_PARAMETER_UNKNOWN', 'QUERY_PARAMETER_INVALID', 'CURSOR_UNKNOWN'],
  },
  'POST /charges': {
    id: 'createCharge',
    summary: 'Make a charge',
    description: 'Executed at most once under its key.',
    topic: 'api/charges',
    secured: true,
    parameters: ['Idempotency-Key', 'Docent-Simulate'],
    body: { required: true, types: JSON_ONLY, schema: 'ChargeRequest' },
    success: {
      status: 201,
      description: 'The charge; or the first answer again.',
      schema: 'Charge',
      headers: ['Location', 'Idempotent-Replayed'],
    },
    errors: [...KEY_ERRORS, 'PARAMETER_MISSING', 'CURRENCY_UNKNOWN'],
  },
  'GET /charges/{id}': {
    id: 'readCharge',
    summary: 'Read a charge',
    description: 'As it is now.',
    topic: 'api/charges',
    secured: true,
    parameters: ['id'],
    success: { status: 200, description: 'The charge.', schema: 'Charge', headers: [] },
    errors: [...TOKEN_ERRORS, 'CHARGE_NOT_FOUND'],
  },
  'PATCH /charges/{id}': {
    id: 'updateCharge',
    summary: 'Change the description of a charge',
    description:
      'A JSON merge patch (RFC 7396), executed at most once under its key. That there is no such charge is a result, and is kept under the key.',
    topic: 'api/charges',
    secured: true,
    parameters: ['id', 'Idempotency-Key', 'Docent-Simulate'],
    body: { required: true, types: PATCH_TYPES, schema: 'ChargePatch' },
    success: {
      status: 200,
      description: 'The charge as it was after the change; or the first answer again.',
      schema: 'Charge',
      headers: ['Idempotent-Replayed'],
    },
    errors: [...KEY_ERRORS, 'PARAMETER_READ_ONLY', 'CHARGE_NOT_FOUND'],
  },
  'GET /idempotency-keys/{key}': {
    id: 'lookUpIdempotencyKey',
    summary: 'Look an idempotency key up',
    description: 'What became of a request under a key of this sandbox; never its body.',
    topic: 'api/idempotency-keys',
    secured: true,
    parameters: ['key'],
    success: { status: 200, description: 'What is remembered.', schema: 'IdempotencyKey', headers: [] },
    errors: [...TOKEN_ERRORS, 'IDEMPOTENCY_KEY_NOT_FOUND'],
  },
  'GET /openapi.json': {
    id: 'describeApi',
    summary: 'Read this document',
    description: 'The API in the words of OpenAPI 3.1.',
    topic: 'api/openapi',
    secured: false,
    parameters: [],
    success: { status: 200, description: 'An OpenAPI document.', headers: [] },
    errors: [],
  },
};

/** A member or header that each error is about, for its example. */
export const EXAMPLE_PARAMS: Partial<Record<ErrorName, string>> = {
  CHARGE_NOT_FOUND: 'id',
  CURRENCY_UNKNOWN: 'currency',
  CURSOR_UNKNOWN: 'after',
  IDEMPOTENCY_CONFLICT: 'Idempotency-Key',
  IDEMPOTENCY_IN_PROGRESS: 'Idempotency-Key',
  IDEMPOTENCY_KEY_INVALID: 'Idempotency-Key',
  IDEMPOTENCY_KEY_MISSING: 'Idempotency-Key',
  IDEMPOTENCY_KEY_NOT_FOUND: 'key',
  JSON_DUPLICATE_MEMBER: 'amount',
  JSON_NUMBER_INEXACT: 'amount',
  PARAMETER_INVALID: 'amount',
  PARAMETER_MISSING: 'amount',
  PARAMETER_READ_ONLY: 'amount',
  PARAMETER_UNKNOWN: 'ammount',
  QUERY_PARAMETER_INVALID: 'limit',
  QUERY_PARAMETER_UNKNOWN: 'limt',
  SIMULATION_INVALID: 'Docent-Simulate',
  TOKEN_INVALID: 'Authorization',
  TOKEN_MISSING: 'Authorization',
  UNSUPPORTED_MEDIA_TYPE: 'Content-Type',
};

/** Both spellings of a key: an RFC 9651 String, or bare; the same rules as {@link readIdempotencyKey}, but for white space around it. */
const KEY_PATTERN = `^(?!"?\\.{1,2}"?$)("([ !#-\\[\\]-~]|\\\\["\\\\]){1,${KEY_LIMIT}}"|[!#$%&'*+.^_\`|~0-9A-Za-z:/-]{1,${KEY_LIMIT}})$`;

/** @param retentionSeconds how long a key is remembered after its request. */
export function parameterParts(retentionSeconds: number): Record<string, Part> {
  const errors = Object.keys(SIMULATED_ERRORS).join('|');
  const segment = (name: string, description: string, schema: Part) => ({
    name,
    in: 'path',
    required: true,
    description,
    schema,
  });
  return {
    'Idempotency-Key': {
      name: 'Idempotency-Key',
      in: 'header',
      required: true,
      description: `A String of RFC 9651, as draft-ietf-httpapi-idempotency-key-header asks for: 1 to ${KEY_LIMIT} printable ASCII characters in double quotes. The same key without quotes is the same key. One per operation, the same for every attempt; a UUID v4 is a good one. It belongs to the sandbox, and is remembered for ${retentionSeconds} seconds after its request has ended.`,
      schema: { type: 'string', pattern: KEY_PATTERN },
      example: '"8e03978e-40d5-43dd-bc93-6894a57f9324"',
    },
    'Docent-Simulate': {
      name: 'Docent-Simulate',
      in: 'header',
      description: `For trying out: a Dictionary of RFC 9651. delay is in milliseconds, at most ${DELAY_LIMIT_MS}.`,
      schema: { type: 'string', pattern: `(delay=\\d+|error=(${errors}))` },
      example: 'delay=1500',
    },
    id: segment('id', 'Id of a charge.', { type: 'string', minLength: 1 }),
    key: segment('key', 'The key itself, without quotes, percent-encoded.', { type: 'string', minLength: 1 }),
    limit: {
      name: 'limit',
      in: 'query',
      description: 'Charges on a page.',
      schema: { type: 'integer', minimum: 1, maximum: PAGE_SIZE_LIMIT, default: PAGE_SIZE },
    },
    after: {
      name: 'after',
      in: 'query',
      description: 'Id of a charge; the page begins with the one that was made before it.',
      schema: { type: 'string', minLength: 1 },
    },
  };
}

/** The body of a request, as an operation has it. */
export function requestBodyPart({ required, types, schema }: NonNullable<Operation['body']>): Part {
  return {
    required,
    description: `At most ${BODY_LIMIT_BYTES} bytes of JSON in UTF-8, without two members of one name.`,
    content: Object.fromEntries(types.map((type) => [type, { schema: reference('schemas', schema) }])),
  };
}
