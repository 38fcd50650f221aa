import { countDiagnostics, type Diagnostic, formatDiagnostic, isError } from '../topic/diagnostic.ts';
import { CommandError, Exit, type Io } from './command.ts';

/** Prints every error, and says how many warnings there are: a reader of a long build wants to see what was left out. */
export function reportErrors(io: Io, diagnostics: Diagnostic[]): void {
  const errors = diagnostics.filter(isError);
  for (const diagnostic of errors) io.stderr.write(`${formatDiagnostic(diagnostic)}\n`);
  if (diagnostics.length === 0) return;
  const more = diagnostics.length > errors.length ? '; docent check shows the warnings' : '';
  io.stderr.write(`${countDiagnostics(diagnostics)}${more}\n`);
}

/** Why a build published nothing. */
export function nothingPublished(strict: boolean, diagnostics: Diagnostic[]): CommandError {
  if (strict && diagnostics.some(isError)) {
    return new CommandError(
      Exit.failed,
      'nothing is published, because a strict build has an error',
      'mend the files above, or build without strict',
    );
  }
  return new CommandError(Exit.failed, 'nothing is published, because no file is left', 'mend what is reported above');
}
