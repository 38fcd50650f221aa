import { build } from '../../build/build.ts';
import { countDiagnostics, formatDiagnostic, isError, plural } from '../../topic/diagnostic.ts';
import { type Command, Exit } from '../command.ts';
import { loadSettings, requireSources } from '../settings.ts';
import { requireFolders } from '../sources.ts';

/** `docent check`: every problem of every file; publishes nothing. */
export const check: Command = {
  name: 'check',
  options: { json: { type: 'boolean' } },
  async run(args, io) {
    const settings = await loadSettings(args, io, args.positionals);
    requireSources(settings, 'check');
    requireFolders(settings);
    const { catalog, diagnostics } = build(settings);
    if (args.flags.json === true) io.stdout.write(`${JSON.stringify(diagnostics, null, 2)}\n`);
    else for (const diagnostic of diagnostics) io.stderr.write(`${formatDiagnostic(diagnostic)}\n`);
    const topics = catalog?.topics.length ?? 0;
    const summary = `${plural(topics, 'topic')}, ${countDiagnostics(diagnostics) || 'nothing to complain about'}\n`;
    (args.flags.json === true ? io.stderr : io.stdout).write(summary);
    return diagnostics.some(isError) ? Exit.failed : Exit.done;
  },
};
