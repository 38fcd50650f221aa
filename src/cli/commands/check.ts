import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from '../../build/build.ts';
import type { Settings } from '../../config/config.ts';
import { Pack } from '../../pack/read.ts';
import { writePack } from '../../pack/write.ts';
import type { Catalog } from '../../topic/compiled.ts';
import { jsonFile } from '../../topic/descriptor.ts';
import {
  byPlace,
  countDiagnostics,
  type Diagnostic,
  formatDiagnostic,
  isError,
  plural,
} from '../../topic/diagnostic.ts';
import { wordsOf } from '../../topic/id.ts';
import { visible } from '../../topic/visible.ts';
import { type Arguments, type Command, CommandError, commandLine, Exit, type Io, usageError } from '../command.ts';
import { checkExamples, type ExampleReport, reportData, reportLines } from '../examples.ts';
import type { ExampleServer } from '../local-server.ts';
import { loadSettings, requireSources } from '../settings.ts';
import { requireFolders } from '../sources.ts';

/** `docent check`: every problem of every file; publishes nothing. With `--run` every example is sent, too. */
export const check: Command = {
  name: 'check',
  options: {
    json: { type: 'boolean' },
    run: { type: 'boolean' },
    'base-url': { type: 'string' },
    store: { type: 'string' },
  },
  async run(args, io) {
    if (args.flags['base-url'] !== undefined && args.flags.run !== true)
      throw usageError('--base-url says where examples are sent, and none are', 'add --run');
    if (args.flags.store !== undefined && args.flags.run !== true)
      throw usageError('--store says where charges are kept that examples make, and none is run', 'add --run');
    const settings = await loadSettings(args, io, args.positionals);
    requireSources(settings, 'check');
    requireFolders(settings);
    const built = await build(settings);
    const report =
      args.flags.run === true && built.catalog !== undefined
        ? await runAll(built.catalog, settings, args, io)
        : undefined;
    const found = args.flags.run === true ? built.diagnostics.map(asError) : built.diagnostics;
    const diagnostics = [...found, ...(report?.diagnostics ?? [])].sort(byPlace);
    const topics = plural(built.catalog?.topics.length ?? 0, 'topic');
    print(`${topics}, ${countDiagnostics(diagnostics) || 'nothing to complain about'}`, diagnostics, report, args, io);
    return diagnostics.some(isError) ? Exit.failed : Exit.done;
  },
};

/** Who runs examples wants every one of them run, and none lost because it was not understood. */
function asError(diagnostic: Diagnostic): Diagnostic {
  return diagnostic.code.startsWith('example-') ? { ...diagnostic, severity: 'error' } : diagnostic;
}

async function runAll(catalog: Catalog, settings: Settings, args: Arguments, io: Io): Promise<ExampleReport> {
  // Who only checks does not wait for a server's code.
  const { exampleServer } = await import('../local-server.ts');
  const folder = mkdtempSync(join(tmpdir(), 'docent-check-'));
  const interruption = new AbortController();
  const reason = new CommandError(
    Exit.failed,
    'interrupted',
    'not every example was sent, so nothing is known about them',
  );
  io.interrupted().then(() => interruption.abort(reason));
  try {
    const server = await exampleServer(args, io, () => {
      const path = join(folder, 'check.pack');
      writePack(path, catalog, settings.product);
      return { pack: new Pack(path), settings };
    });
    try {
      const hintFor = (topic: string) => hintAbout(topic, server, args);
      const report = await checkExamples(catalog, settings, server.baseUrl, hintFor, interruption.signal);
      // Every example that was not sent would be reported as one that failed.
      interruption.signal.throwIfAborted();
      return report;
    } finally {
      await server.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What to do about an example that is not answered as promised. */
function hintAbout(topic: string, { helpOnly }: ExampleServer, { positionals, flags }: Arguments): string | undefined {
  if (helpOnly) return 'it was sent to a server with the help alone; name the one of your API with --base-url';
  // The landing text is no topic that could be run alone, and a run reads one source.
  if (topic === '' || positionals.length > 1) return undefined;
  const { config, 'base-url': url } = flags;
  const command = commandLine('docent run', { config, from: positionals[0], 'base-url': url });
  return `${command} ${wordsOf(topic)} shows the whole exchange`;
}

function print(
  summary: string,
  diagnostics: Diagnostic[],
  report: ExampleReport | undefined,
  { flags }: Arguments,
  { stdout, stderr }: Io,
): void {
  if (flags.json === true) {
    const data =
      flags.run === true ? { diagnostics, ...(report === undefined ? {} : reportData(report)) } : diagnostics;
    stdout.write(jsonFile(data));
  } else for (const diagnostic of diagnostics) stderr.write(`${formatDiagnostic(diagnostic)}\n`);
  const lines = [...(report === undefined ? [] : reportLines(report)), summary];
  (flags.json === true ? stderr : stdout).write(visible(`${lines.join('\n')}\n`));
}
