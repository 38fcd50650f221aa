import { countOutcomes, ledgerLine } from '../../example/ledger.ts';
import { type Outcome, runExamples } from '../../example/run.ts';
import { outcomeText } from '../../render/exchange.ts';
import { type Example, jsonFile } from '../../topic/descriptor.ts';
import { slugFromSpelling, wordsOf } from '../../topic/id.ts';
import { visible } from '../../topic/visible.ts';
import {
  type Arguments,
  type Command,
  CommandError,
  commandLine,
  Exit,
  type ExitCode,
  type Io,
  usageError,
} from '../command.ts';
import { type ExampleServer, exampleServer } from '../local-server.ts';
import { terminalStyle } from '../terminal.ts';
import { noSuchTopic, openPack, segmentsTyped } from '../topics.ts';

/** `docent run`: sends the examples of one topic, and shows what was promised and what came. */
export const run: Command = {
  name: 'run',
  options: {
    'base-url': { type: 'string' },
    store: { type: 'string' },
    from: { type: 'string' },
    pack: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run(args, io) {
    if (args.positionals.length === 0) throw usageError('no topic is named', 'try: docent run TOPIC');
    const opened = await openPack(args, io, 'run');
    const { pack } = opened;
    let server: ExampleServer | undefined;
    try {
      const slug = slugFromSpelling(segmentsTyped(args.positionals).join('.'));
      const descriptor = pack.topic(slug === undefined ? '' : (pack.resolve(slug) ?? ''))?.descriptor;
      if (descriptor === undefined) {
        const { config, from, pack: named } = args.flags;
        const again = commandLine('docent run', { config, from, pack: named });
        return await noSuchTopic(pack, args.positionals, slug, io, again);
      }
      const { topic, examples } = descriptor;
      if (examples === undefined) {
        const hint = 'docent help topics says how to write one';
        throw new CommandError(Exit.failed, `the topic ${topic} has no example to run`, hint);
      }
      server = await exampleServer(args, io, () => opened);
      return await runTopic(topic, examples, server, args, io);
    } finally {
      await server?.close();
      if (server?.own !== true) pack.close();
    }
  },
};

async function runTopic(
  topic: string,
  examples: Example[],
  { baseUrl, name }: ExampleServer,
  args: Arguments,
  io: Io,
): Promise<ExitCode> {
  const json = args.flags.json === true;
  const style = terminalStyle(io);
  const interruption = new AbortController();
  io.interrupted().then(() => interruption.abort());
  const outcomes: Outcome[] = [];
  if (!json) io.stdout.write(visible(`${wordsOf(topic)} at ${name}\n\n`));
  for await (const outcome of runExamples(examples, { baseUrl, signal: interruption.signal })) {
    outcomes.push(outcome);
    if (!json) io.stdout.write(`${outcomeText(outcome, style)}\n`);
  }
  const ledger = countOutcomes(outcomes);
  if (json) io.stdout.write(jsonFile({ topic, base_url: baseUrl, ledger, outcomes }));
  else io.stdout.write(`${ledgerLine(ledger)}\n`);
  return ledger.kept > 0 && ledger.broken + ledger.failed === 0 ? Exit.done : Exit.failed;
}
