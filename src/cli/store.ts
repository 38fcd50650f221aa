import type { Ledger } from '../reference/ledger.ts';
import { CommandError, Exit } from './command.ts';
import type { Say } from './log.ts';

/** A store that the reference API can be opened on. */
export interface ReferenceStore {
  /** Opens it; called again after it has failed, unless it reconnects by itself. @throws {StoreError} when that is not possible now. */
  open(): Ledger;
  /** The server that it is on, as a person is told of it; a file is none. */
  server?: { shown: string; prepare: Prepare };
}

/**
 * Reaches a server and makes it ready.
 * @returns what whoever runs it should know about it.
 * @throws {StoreError} when it cannot be used now.
 */
export type Prepare = () => Promise<string[]>;

/**
 * Loads the client of a server, a package that only its users install.
 * @throws {CommandError} `environment`, when it is not there.
 */
export async function loadClient<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const message = `this store needs the package "${name}", which is not installed beside Docent`;
    throw new CommandError(Exit.environment, message, `run: npm install ${name}`);
  }
}

/** How often a server that could not be used is looked for, to tell that it can. Milliseconds; a request looks for itself. */
const LOOK_MS = 1000;

/**
 * Makes a store ready, and tells what stands in the way: the help is served all the same, and requests to the API are refused meanwhile.
 * @returns after the first attempt. The next ones are made beside; they end with the first that succeeds, or with the process.
 */
export async function announceStore({ server }: ReferenceStore, say: Say): Promise<void> {
  if (server === undefined) return;
  const { shown, prepare } = server;
  let told: string | undefined;
  const attempt = async (): Promise<void> => {
    try {
      for (const warning of await prepare()) say(`${shown}: ${warning}`);
      if (told !== undefined) say(`${shown} can be used now`);
    } catch (error) {
      const { message } = error as Error;
      if (message !== told) say(`${shown} cannot be used (${message}); until it can, the reference API answers 503`);
      told = message;
      setTimeout(attempt, LOOK_MS).unref();
    }
  };
  await attempt();
}
