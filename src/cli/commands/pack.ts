import { buildPack } from '../../build/build.ts';
import { Pack } from '../../pack/read.ts';
import { plural } from '../../topic/diagnostic.ts';
import { type Command, Exit, usageError } from '../command.ts';
import { nothingPublished, reportErrors } from '../report.ts';
import { loadSettings, requireSources, shownPath } from '../settings.ts';
import { packTarget, requireFolders } from '../sources.ts';

/** `docent pack`: compiles the sources into one file. */
export const pack: Command = {
  name: 'pack',
  options: { out: { type: 'string' } },
  async run(args, io) {
    const { out } = args.flags;
    if (typeof out !== 'string') throw usageError('where to write the pack is missing', 'add --out FILE');
    const settings = await loadSettings(args, io, args.positionals);
    requireSources(settings, 'pack');
    requireFolders(settings);
    const path = packTarget(io, out);
    const { written, diagnostics } = await buildPack(settings, path);
    reportErrors(io, diagnostics);
    if (!written) throw nothingPublished(settings.strict, diagnostics);
    const made = new Pack(path);
    io.stdout.write(
      `${shownPath(io, path)}: ${plural(made.topicCount, 'topic')}, digest ${made.digest.slice(0, 16)}\n`,
    );
    made.close();
    return Exit.done;
  },
};
