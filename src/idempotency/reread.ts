/**
 * A request whose body has been read, and can be read again: as often as anybody likes, by every method that requests have. Making a `Request`
 * takes as long as all else that is done for one with a key; so there is one for those only who ask for what it alone knows. Its signal is
 * never aborted.
 *
 * What is no `Request` of the platform's own, `fetch(request)` and `new Request(request)` reject: they are to be given `request.clone()`.
 * `new Request(url, request)` goes by its members, and works.
 */
class RereadRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  private readonly content: Uint8Array<ArrayBuffer>;
  private readonly known: string | undefined;
  /** For the one who asks first, because it can be changed. */
  private parsed: unknown;
  private copy: Request | undefined;

  constructor(
    { url, method, headers }: Request,
    content: Uint8Array<ArrayBuffer>,
    json: { text: string; value: unknown } | undefined,
  ) {
    this.url = url;
    this.method = method;
    this.headers = headers;
    this.content = content;
    this.known = json?.text;
    this.parsed = json?.value;
  }

  get bodyUsed(): boolean {
    return this.copy?.bodyUsed ?? false;
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return this.content.slice().buffer;
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.content.slice();
  }

  async text(): Promise<string> {
    return this.known ?? UTF_8.decode(this.content);
  }

  async json(): Promise<unknown> {
    const { parsed } = this;
    this.parsed = undefined;
    return parsed ?? JSON.parse(this.known ?? UTF_8.decode(this.content));
  }

  async blob(): Promise<Blob> {
    return this.clone().blob();
  }

  async formData(): Promise<FormData> {
    return this.clone().formData();
  }

  clone(): Request {
    const { url, method, headers, content } = this;
    return new Request(url, { method, headers, body: content.length === 0 ? null : content });
  }

  /** For what there is one of: the stream, the signal, and all that few ask for. */
  original(): Request {
    this.copy ??= this.clone();
    return this.copy;
  }
}

/** As the Fetch standard has it: UTF-8, without a mark at its beginning, and with a sign in place of what is none. */
const UTF_8 = new TextDecoder();

// So it is an instance of Request, with every member that the platform's have.
Object.setPrototypeOf(RereadRequest.prototype, Request.prototype);
for (const [name, { get, value }] of Object.entries(Object.getOwnPropertyDescriptors(Request.prototype))) {
  if (Object.hasOwn(RereadRequest.prototype, name) || ['url', 'method', 'headers'].includes(name)) continue;
  // What is neither is the same for all.
  if (get === undefined && typeof value !== 'function') continue;
  const member: PropertyDescriptor & ThisType<RereadRequest> =
    get === undefined
      ? {
          value(...args: unknown[]) {
            return Reflect.apply(value, this.original(), args);
          },
        }
      : {
          get() {
            return Reflect.get(this.original(), name);
          },
        };
  Object.defineProperty(RereadRequest.prototype, name, member);
}

/**
 * @param content the body, which has been read.
 * @param json the same as text, and the value of that, which nobody else may hold.
 */
export function reread(
  request: Request,
  content: Uint8Array<ArrayBuffer>,
  json?: { text: string; value: unknown },
): Request {
  // Some servers put a class of their own, which extends the platform's, in the place of `Request` when they start.
  if (Object.getPrototypeOf(RereadRequest.prototype) !== Request.prototype)
    Object.setPrototypeOf(RereadRequest.prototype, Request.prototype);
  return new RereadRequest(request, content, json) as unknown as Request;
}
