// A thread that compiles one file after another, as they come; see threads.ts.
import { parentPort, workerData } from 'node:worker_threads';
import type { SourceFile } from '../compile/source.ts';
import { compileTopic } from '../compile/topic.ts';
import type { ThreadMessage } from './threads.ts';

const say = (message: ThreadMessage) => parentPort?.postMessage(message);

parentPort?.on('message', (file: SourceFile) => {
  try {
    say({ result: compileTopic(file, workerData) });
  } catch (error) {
    say({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
});
say({ ready: true });
