import { nearest } from '../topic/nearest.ts';
import type { Output } from './output.ts';

/** What a process reports when it ends. */
export const Exit = {
  done: 0,
  /** A topic was not found, a check failed, or there was nothing to publish. */
  failed: 1,
  usage: 2,
  /** A port, a place to write, a damaged pack: nothing that other arguments would mend. */
  environment: 3,
} as const;

export type ExitCode = (typeof Exit)[keyof typeof Exit];

/** Ends the command with a message, a hint and an exit code: the way to say that something stands in the way. */
export class CommandError extends Error {
  readonly exit: ExitCode;
  readonly hint: string | undefined;

  constructor(exit: ExitCode, message: string, hint?: string) {
    super(message);
    this.name = 'CommandError';
    this.exit = exit;
    this.hint = hint;
  }
}

export function usageError(message: string, hint?: string): CommandError {
  return new CommandError(Exit.usage, message, hint);
}

/** The world as a command sees it; a test brings its own. */
export interface Io {
  stdout: Output;
  stderr: Output;
  env: Record<string, string | undefined>;
  cwd: string;
  /**
   * Fulfilled when the process is asked to end. Only from this call on does a signal not end the process at once: a command that has
   * nothing to finish never calls it.
   */
  interrupted(): Promise<void>;
}

/** One subcommand. Its help is the topic `cli.<name>` of Docent's own pack. */
export interface Command {
  name: string;
  options: Options;
  run(args: Arguments, io: Io): Promise<ExitCode>;
}

type Options = Record<string, { type: 'string' | 'boolean'; short?: string }>;

export interface Arguments {
  positionals: string[];
  flags: Record<string, string | boolean | undefined>;
}

/** What every command takes. */
const COMMON: Options = {
  config: { type: 'string' },
  strict: { type: 'boolean' },
  'allow-html': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
};

/**
 * Parses the arguments of a command.
 * @throws {CommandError} wrong usage, with the option that was probably meant.
 */
export function parseArguments(command: Command, argv: string[]): Arguments {
  // A reader of a topic types none, and Node's parser takes a millisecond to load; naming it in an import would load it as well.
  if (argv.every((argument) => !argument.startsWith('-'))) return { positionals: argv, flags: {} };
  const options = { ...COMMON, ...command.options };
  try {
    const { parseArgs } = process.getBuiltinModule('node:util');
    const { positionals, values } = parseArgs({ args: argv, options, allowPositionals: true, strict: true });
    return { positionals, flags: values as Arguments['flags'] };
  } catch (error) {
    const message = (error as Error).message;
    const unknown = /^Unknown option '(-{1,2}[^']*)'/.exec(message)?.[1];
    if (unknown === undefined)
      throw usageError(message.split('. ')[0] ?? message, `see: docent ${command.name} --help`);
    const names = Object.keys(options).map((name) => `--${name}`);
    const near = nearest(unknown, names);
    const hint = near === undefined ? `options of ${command.name}: ${names.join(' ')}` : `did you mean ${near}?`;
    throw usageError(`unknown option ${unknown}`, hint);
  }
}

/** A word of a command line as a person would type it. */
export function typed(word: string): string {
  return /^[\w./:-]+$/.test(word) ? word : JSON.stringify(word);
}

/** A command with the options that have a text, as a hint names it: `docent run --from docs`. */
export function commandLine(command: string, options: Arguments['flags']): string {
  const words = Object.entries(options).flatMap(([name, value]) =>
    typeof value === 'string' ? [`--${name}`, typed(value)] : [],
  );
  return [command, ...words].join(' ');
}

/** An option's text: the flag, else its environment variable. */
export function optionText(args: Arguments, io: Io, name: string): string | undefined {
  const flag = args.flags[name];
  if (typeof flag === 'string') return flag;
  return io.env[`DOCENT_${name.toUpperCase().replaceAll('-', '_')}`] || undefined;
}

/**
 * An option that is on or off: the flag, else its environment variable.
 * @throws {CommandError} wrong usage, when the variable says neither.
 */
export function optionSwitch(args: Arguments, { env }: Pick<Io, 'env'>, name: string): boolean {
  if (args.flags[name] === true) return true;
  const variable = `DOCENT_${name.toUpperCase().replaceAll('-', '_')}`;
  const text = env[variable] || 'false';
  if (/^(1|true|0|false)$/.test(text)) return /^(1|true)$/.test(text);
  throw usageError(`${variable} is "${text}"`, 'write 1 or true, 0 or false');
}
