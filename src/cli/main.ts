import { PackError } from '../pack/format.ts';
import { nearest } from '../topic/nearest.ts';
import { visible } from '../topic/visible.ts';
import { type Command, CommandError, Exit, type ExitCode, type Io, parseArguments, usageError } from './command.ts';
import { help, showOwnTopic } from './commands/help.ts';
import { standardOutput } from './output.ts';
import { docentVersion } from './settings.ts';

/** A signal this long after the first is a second wish. Milliseconds. */
const PATIENCE_MS = 1000;

/** A command's code is loaded when it is called: a reader of help does not wait for the compiler. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  serve: async () => (await import('./commands/serve.ts')).serve,
  build: async () => (await import('./commands/build.ts')).build,
  pack: async () => (await import('./commands/pack.ts')).pack,
  check: async () => (await import('./commands/check.ts')).check,
  // Here from the start: a reader waits for every file that is loaded.
  help: async () => help,
  run: async () => (await import('./commands/run.ts')).run,
};

/** The process's own entry: runs the command and sets the exit code. */
export async function main(argv: string[]): Promise<void> {
  const stdout = standardOutput('stdout', (error) => {
    // A reader that closes the pipe early (`docent help | head -1`) has seen enough; that is no error.
    if (error.code === 'EPIPE') process.exit(Exit.done);
    stderr.write(`docent: the output cannot be written (${error.code})\n`);
    process.exit(Exit.environment);
  });
  // Whoever does not listen to complaints gets none.
  const stderr = standardOutput('stderr', () => {});
  let cwd: string;
  try {
    cwd = process.cwd();
  } catch {
    stderr.write('docent: the current folder does not exist any more\n  hint: change to another one\n');
    process.exitCode = Exit.environment;
    return;
  }
  process.exitCode = await run(argv, { stdout, stderr, env: process.env, cwd, interrupted: interruption });
  // Where all is written, nobody has to wait until Node has taken itself apart: a tenth of the time that showing a topic takes. What could
  // not be written is known a turn later.
  setImmediate(() => {
    if (stdout.isFlushed() && stderr.isFlushed()) process.exit();
  });
}

/**
 * Fulfilled at the first request to end. npm passes a Ctrl-C on that the terminal has sent already, so the second one counts only when
 * it is a person who has lost patience.
 */
function interruption(): Promise<void> {
  return new Promise((resolve) => {
    let first: number | undefined;
    const onSignal = () => {
      first ??= performance.now();
      if (performance.now() - first > PATIENCE_MS) process.exit(Exit.failed);
      resolve();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}

/** Runs one command line. Never throws: whatever stands in the way is said on stderr and becomes the exit code. */
export async function run(argv: string[], io: Io): Promise<ExitCode> {
  try {
    return await dispatch(argv, io);
  } catch (error) {
    const { message, hint, exit } = explain(error, io);
    io.stderr.write(visible(`docent: ${message}\n${hint === undefined ? '' : `  hint: ${hint}\n`}`));
    return exit;
  }
}

async function dispatch(argv: string[], io: Io): Promise<ExitCode> {
  const [first, ...rest] = argv;
  if (first === undefined || first === '--help' || first === '-h') return ownHelp('cli', io);
  if (first === '--version' || first === '-v') {
    io.stdout.write(`${docentVersion()}\n`);
    return Exit.done;
  }
  const load = Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  if (load === undefined) {
    const near = nearest(first, Object.keys(COMMANDS));
    const hint =
      near === undefined ? `commands: ${Object.keys(COMMANDS).join(', ')}` : `did you mean "docent ${near}"?`;
    throw usageError(`"${first}" is no command`, hint);
  }
  const command = await load();
  const args = parseArguments(command, rest);
  if (args.flags.help === true) return ownHelp(`cli ${command.name}`, io);
  return command.run(args, io);
}

/** Docent documents itself: `--help` is a topic of the pack that ships with it. */
async function ownHelp(topic: string, io: Io): Promise<ExitCode> {
  return showOwnTopic(topic, io);
}

function explain(error: unknown, io: Io): { message: string; hint?: string | undefined; exit: ExitCode } {
  if (error instanceof CommandError) return error;
  if (error instanceof PackError)
    return { message: error.message, exit: error.reason === 'missing' ? Exit.usage : Exit.environment };
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  if (syscall !== undefined && code !== undefined) {
    const what = path === undefined ? syscall : `${syscall} ${path}`;
    return {
      message: `the system refuses to ${what} (${code})`,
      hint: 'see that it exists and may be used',
      exit: Exit.environment,
    };
  }
  const { stack, message } = error instanceof Error ? error : new Error(String(error));
  if (io.env.DOCENT_DEBUG) return { message: stack ?? message, exit: Exit.environment };
  return {
    message: `unexpected: ${message}`,
    hint: 'this is a bug in Docent; DOCENT_DEBUG=1 shows where',
    exit: Exit.environment,
  };
}
