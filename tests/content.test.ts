import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { build } from '../src/build/build.ts';
import { parseArguments } from '../src/cli/command.ts';
import { parseConfig } from '../src/config/check.ts';
import { findConfig, settle } from '../src/config/config.ts';
import { ERRORS } from '../src/reference/errors.generated.ts';
import type { ErrorName } from '../src/reference/errors.ts';
import { DIAGNOSTICS } from '../src/topic/diagnostic.ts';

const root = new URL('../', import.meta.url).pathname;
const file = findConfig(root);
assert.ok(file !== undefined);
const { config, diagnostics: problems } = parseConfig(file);
const { catalog, diagnostics } = await build(settle({ ...config, strict: true }, root, []));
const topics = new Map(catalog?.topics.map((topic) => [topic.descriptor.topic, topic.descriptor]));

const bodyOf = (id: string) => topics.get(id)?.body ?? assert.fail(`there is no topic ${id}`);

test('our own topics are strict and give nothing to complain about', () => {
  assert.deepEqual(problems, []);
  assert.deepEqual(diagnostics, []);
  assert.ok(topics.size >= 12);
});

test('every diagnostic is explained, and no other', () => {
  const body = bodyOf('topics.diagnostics');
  const headings = [...body.matchAll(/^### `?([a-z-]+)`?$/gm)].map((match) => match[1] as string);
  assert.deepEqual(headings.sort(), Object.keys(DIAGNOSTICS).sort());
});

test('the registry of errors is that of the active error topics', () => {
  const active = [...topics.values()].filter(({ error }) => error?.state === 'active').map(({ topic }) => topic);
  const registered = Object.keys(ERRORS).map((name) => `errors.${name}`);
  assert.deepEqual(active.sort(), registered.sort(), 'run `npm run generate`');
  for (const name of Object.keys(ERRORS) as ErrorName[]) {
    const { error } = topics.get(`errors.${name}`) ?? assert.fail(name);
    assert.deepEqual([error?.status, error?.retryable], [ERRORS[name].status, ERRORS[name].retryable], name);
  }
});

test('every error topic is in the index of errors', () => {
  for (const id of topics.keys()) {
    if (id.startsWith('errors.')) assert.ok(bodyOf('errors').includes(id.slice('errors.'.length)), id);
  }
});

test('every command and option is documented, and no other', async () => {
  const commands = [
    (await import('../src/cli/commands/serve.ts')).serve,
    (await import('../src/cli/commands/build.ts')).build,
    (await import('../src/cli/commands/pack.ts')).pack,
    (await import('../src/cli/commands/check.ts')).check,
    (await import('../src/cli/commands/help.ts')).help,
    (await import('../src/cli/commands/run.ts')).run,
  ];
  for (const command of commands) {
    const reference = ['cli', `cli.${command.name}`].flatMap((id) => topics.get(id)?.sections ?? []);
    const body = reference.flatMap(({ name, body }) => (/^(SYNOPSIS|OPTIONS)$/.test(name) ? body : [])).join('\n');
    for (const option of Object.keys(command.options))
      assert.ok(bodyOf(`cli.${command.name}`).includes(`--${option}`), option);
    for (const [option] of body.matchAll(/(?<=[\s`[|])--[a-z-]+/g)) {
      if (option === '--version') continue;
      const known = commands.some((other) => isOption(other, option));
      assert.ok(known, `${option} of docent ${command.name} does not exist`);
    }
  }
});

function isOption(command: Parameters<typeof parseArguments>[0], option: string): boolean {
  return [[option], [option, 'value']].some((argv) => {
    try {
      parseArguments(command, argv);
      return true;
    } catch {
      return false;
    }
  });
}

test('every configuration member and variable is documented', () => {
  const schema = JSON.parse(readFileSync(new URL('../schemas/config.schema.json', import.meta.url), 'utf8'));
  const body = bodyOf('config');
  for (const [name, member] of Object.entries<{ properties?: object }>(schema.properties)) {
    for (const key of [name, ...Object.keys(member.properties ?? {})]) assert.ok(body.includes(key), key);
  }
  const source = readFileSync(new URL('../src/config/config.ts', import.meta.url), 'utf8');
  for (const [variable] of source.matchAll(/DOCENT_[A-Z_]+/g)) assert.ok(body.includes(variable), variable);
});
