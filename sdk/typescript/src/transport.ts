import { APIConnectionError, APITimeoutError, ResponseError, errorOf, isRefusal } from './errors.js';
import { Retries, sleep } from './retry.js';
import type { RequestOptions, Settings } from './settings.js';
import { Decoder, type Frame } from './sse.js';

const SILENCE = 45_000; // milliseconds after which a stream is dead: keep-alives come every 15 s

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;
type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** What is sent. All tries of one call share its `Idempotency-Key`. */
interface Outgoing {
  readonly method: Method;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
  readonly also?: number | undefined;
}

/** Sends requests, again if need be, and reads what comes back. */
export class Transport {
  constructor(readonly settings: Settings) {}

  /**
   * The JSON content of an answer; undefined where it has none. `also` is a status of failure that
   * may come with content, as that of a health check.
   */
  async send<T>(
    method: Method,
    path: string,
    options: RequestOptions & { query?: Query | undefined; body?: unknown; also?: number } = {},
  ): Promise<T> {
    const outgoing: Outgoing = {
      method,
      url: this.settings.baseUrl + path + queryOf(options.query),
      headers: {
        ...this.#headers('application/json'),
        ...(options.body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...(method === 'POST' ? { 'Idempotency-Key': newKey() } : {}),
      },
      body: options.body === undefined ? null : JSON.stringify(options.body),
      timeout: options.timeout ?? this.settings.timeout,
      signal: options.signal,
      also: options.also,
    };
    const text = await this.#persist(outgoing, (response) => response.text());
    return contentOf(outgoing, text) as T;
  }

  /** The frames of an event stream after the given one, until the connection ends. */
  async *stream(path: string, lastId: string, signal?: AbortSignal): AsyncGenerator<Frame> {
    const ending = new AbortController();
    const outgoing: Outgoing = {
      method: 'GET',
      url: this.settings.baseUrl + path,
      headers: {
        ...this.#headers('text/event-stream'),
        ...(lastId === '' ? {} : { 'Last-Event-ID': lastId }),
      },
      body: null,
      timeout: this.settings.timeout,
      signal: signal ? AbortSignal.any([signal, ending.signal]) : ending.signal,
    };
    // Whoever reads a stream has patience of their own.
    const body = await this.#persist(outgoing, (response) => Promise.resolve(response.body), 0);
    const silent = new APITimeoutError('The stream of events has gone silent.');
    const decoder = new Decoder();
    let watch: ReturnType<typeof setTimeout> | undefined;
    const listen = (): void => {
      clearTimeout(watch);
      watch = setTimeout(() => ending.abort(silent), SILENCE);
    };
    try {
      listen();
      for await (const chunk of chunksOf(body)) {
        listen();
        yield* decoder.feed(chunk);
      }
    } catch (error) {
      throw explained(error, outgoing, signal);
    } finally {
      clearTimeout(watch);
      ending.abort();
    }
  }

  #headers(accept: string): Record<string, string> {
    const { apiKey } = this.settings;
    return { Accept: accept, ...(apiKey === '' ? {} : { Authorization: `Bearer ${apiKey}` }) };
  }

  async #persist<T>(
    outgoing: Outgoing,
    read: (response: Response) => Promise<T>,
    atMost = this.settings.maxRetries,
  ): Promise<T> {
    const retries = new Retries(atMost);
    for (;;) {
      let pause: number;
      try {
        const [response, content] = await this.#attempt(outgoing, read);
        if (response.ok || isContent(response, content, outgoing)) {
          return content as T;
        }
        pause = retries.pause(errorOf(response, content as string));
      } catch (error) {
        pause = retries.pause(explained(error, outgoing, outgoing.signal));
      }
      await sleep(pause, outgoing.signal);
    }
  }

  /** One try, its content read: the time-out counts up to there, but for streams. */
  async #attempt<T>(
    outgoing: Outgoing,
    read: (response: Response) => Promise<T>,
  ): Promise<[Response, T | string]> {
    const late = new AbortController();
    const message = `No answer from ${outgoing.url} in ${outgoing.timeout} ms.`;
    const timer = setTimeout(() => late.abort(new APITimeoutError(message)), outgoing.timeout);
    const signals = outgoing.signal ? [late.signal, outgoing.signal] : [late.signal];
    try {
      const response = await this.settings.fetch(outgoing.url, {
        method: outgoing.method,
        headers: outgoing.headers,
        body: outgoing.body,
        cache: 'no-store',
        signal: AbortSignal.any(signals),
      });
      return [response, await (response.ok ? read(response) : response.text())];
    } finally {
      clearTimeout(timer);
    }
  }
}

/** An error of ours as it is, the caller's own abort as it is, anything else as a lost connection. */
function explained(error: unknown, outgoing: Outgoing, signal?: AbortSignal): APIConnectionError {
  if (signal?.aborted) {
    throw signal.reason;
  }
  if (error instanceof Error && 'isTemporary' in error) {
    return error as APIConnectionError;
  }
  const told = error instanceof Error ? ((error.cause as Error | undefined) ?? error).message : error;
  return new APIConnectionError(`No answer from ${outgoing.url}: ${told}`, { cause: error });
}

/** Whether an answer with a status of failure is content after all, not an error. */
function isContent(response: Response, text: unknown, outgoing: Outgoing): boolean {
  return response.status === outgoing.also && !isRefusal(String(text));
}

function contentOf(outgoing: Outgoing, text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch (cause) {
    const message = `${outgoing.method} ${outgoing.url} was answered with something that is no JSON.`;
    throw new ResponseError(message, { cause });
  }
}

async function* chunksOf(body: ReadableStream<Uint8Array> | null): AsyncGenerator<Uint8Array> {
  const reader = body?.getReader();
  while (reader) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    yield value;
  }
}

/** A path whose further segments are names. */
export function path(root: string, ...names: string[]): string {
  for (const name of names) {
    if (name === '' || name === '.' || name === '..') {
      throw new TypeError(`'${name}' is not a name.`);
    }
  }
  return [root, ...names.map(encodeURIComponent)].join('/');
}

function queryOf(query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}

function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
