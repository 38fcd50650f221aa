/** What the body is asked for as a whole (Fetch standard, section 5.3). */
const WHOLE: Record<string, (bytes: Uint8Array<ArrayBuffer>) => unknown> = {
  arrayBuffer: (bytes) => bytes.slice().buffer,
  bytes: (bytes) => bytes.slice(),
  json: (bytes) => JSON.parse(UTF_8.decode(bytes)),
  text: (bytes) => UTF_8.decode(bytes),
};

const UTF_8 = new TextDecoder();

/**
 * A request whose body has been read, as one whose body has not. It is made for each request, and in Node `new Request` takes as long as
 * all the rest of a replay; so a real one is made only for whoever asks for more than method, URL, headers and the whole body.
 *
 * It is a `Request` in all but one thing: `fetch(request)` and `new Request(request)` look inside. Give them `request.clone()`.
 */
export function readableAgain(request: Request, bytes: Uint8Array<ArrayBuffer>): Request {
  let used = false;
  let real: Request | undefined;
  const make = (): Request => {
    const { url, method, headers } = request;
    const made = new Request(url, { method, headers, body: bytes.length === 0 ? null : bytes });
    // Whoever has read it so far has read the body of this one.
    if (used) made.text();
    return made;
  };
  const whole = (name: string) => async () => {
    if (used) throw new TypeError('Body is unusable: it has been read');
    used = bytes.length > 0;
    return WHOLE[name]?.(bytes);
  };
  return new Proxy<Request>(Object.create(Request.prototype), {
    get(_, name) {
      if (name === 'url' || name === 'method' || name === 'headers') return request[name];
      if (real === undefined) {
        if (name === 'bodyUsed') return used;
        if (typeof name === 'string' && Object.hasOwn(WHOLE, name)) return whole(name);
      }
      real ??= make();
      const value = Reflect.get(real, name, real);
      return typeof value === 'function' ? value.bind(real) : value;
    },
  });
}
