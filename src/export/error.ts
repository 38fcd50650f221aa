/** Why a site is not written. The message says where, the hint what to do; it needs no stack trace. */
export class ExportError extends Error {
  readonly reason: 'occupied' | 'unsafe-name' | 'clash' | 'not-writable';
  readonly hint: string;

  constructor(reason: ExportError['reason'], message: string, hint: string) {
    super(message);
    this.name = 'ExportError';
    this.reason = reason;
    this.hint = hint;
  }
}
