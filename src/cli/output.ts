import { fstatSync, statSync, writeSync } from 'node:fs';

/** Where a command writes to: what it needs of a stream. */
export interface Output {
  write(data: string | Uint8Array): unknown;
  isTTY?: boolean;
  columns?: number;
  rows?: number;
}

/** An output of the process. */
export interface StandardOutput extends Output {
  /** Whether everything has reached the system, so that the process may end at once. */
  isFlushed(): boolean;
}

/**
 * Standard output or standard error.
 *
 * To write one text to a stream Node loads all of its streams, which takes a tenth of the time that showing a topic takes. A file, a pipe
 * and the null device are written to as Node would in the end: at once. Only what may be a terminal is left to Node.
 * @param onError is told that nothing can be written any more, as when the reader of a pipe has gone.
 */
export function standardOutput(
  name: 'stdout' | 'stderr',
  onError: (error: NodeJS.ErrnoException) => void,
): StandardOutput {
  const descriptor = name === 'stdout' ? 1 : 2;
  return mayBeTerminal(descriptor) ? new StreamOutput(name, onError) : new DirectOutput(descriptor, name, onError);
}

function mayBeTerminal(descriptor: number): boolean {
  try {
    const stat = fstatSync(descriptor);
    return stat.isCharacterDevice() && stat.rdev !== statSync('/dev/null').rdev;
  } catch {
    // On another system there is no such device; Node knows what it has instead.
    return true;
  }
}

class StreamOutput implements StandardOutput {
  private readonly stream: NodeJS.WriteStream;

  constructor(name: 'stdout' | 'stderr', onError: (error: NodeJS.ErrnoException) => void) {
    this.stream = process[name];
    this.stream.on('error', onError);
  }

  get isTTY(): boolean {
    return this.stream.isTTY === true;
  }

  get columns(): number {
    return this.stream.columns;
  }

  get rows(): number {
    return this.stream.rows;
  }

  write(data: string | Uint8Array): void {
    this.stream.write(data);
  }

  isFlushed(): boolean {
    return this.stream.writableLength === 0;
  }
}

class DirectOutput implements StandardOutput {
  private readonly descriptor: number;
  private readonly name: 'stdout' | 'stderr';
  private readonly onError: (error: NodeJS.ErrnoException) => void;
  /** In use from the moment that the system takes no more for now. */
  private stream: StreamOutput | undefined;

  constructor(descriptor: number, name: 'stdout' | 'stderr', onError: (error: NodeJS.ErrnoException) => void) {
    this.descriptor = descriptor;
    this.name = name;
    this.onError = onError;
  }

  write(data: string | Uint8Array): void {
    if (this.stream !== undefined) {
      this.stream.write(data);
      return;
    }
    const bytes = typeof data === 'string' ? Buffer.from(data) : data;
    for (let written = 0; written < bytes.length; ) {
      try {
        written += writeSync(this.descriptor, bytes, written);
      } catch (error) {
        // Somebody who shares the pipe has made it non-blocking: Node's stream knows how to wait.
        if ((error as NodeJS.ErrnoException).code === 'EAGAIN') {
          this.stream = new StreamOutput(this.name, this.onError);
          this.stream.write(bytes.subarray(written));
        } else {
          this.onError(error as NodeJS.ErrnoException);
        }
        return;
      }
    }
  }

  isFlushed(): boolean {
    return this.stream?.isFlushed() ?? true;
  }
}
