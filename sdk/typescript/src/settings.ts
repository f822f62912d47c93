/** How to reach a server. */
export interface ClientOptions {
  /** Else `ORCHEX_API_KEY` (`CODEFORGE_API_KEY`), else `LEMNOS_API_KEY`. */
  apiKey?: string;
  /** The server's root; else `ORCHEX_BASE_URL` (`CODEFORGE_BASE_URL`), `LEMNOS_URL`, this machine. */
  baseUrl?: string;
  /** Milliseconds without an answer to one try; 60,000 unless given. */
  timeout?: number;
  /** How many tries follow the first; 3 unless given. */
  maxRetries?: number;
  /** Another implementation of fetch: for proxies, certificates, tests. */
  fetch?: typeof globalThis.fetch;
}

/** What one request can be given. */
export interface RequestOptions {
  /** Ends the request, its retries and waits. */
  signal?: AbortSignal;
  /** Milliseconds without an answer to one try. */
  timeout?: number;
}

export interface Settings {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly timeout: number;
  readonly maxRetries: number;
  readonly fetch: typeof globalThis.fetch;
}

const DEFAULT_URL = 'http://127.0.0.1:8000';

/** Settings from what was given, else from the environment where there is one. */
export function settingsOf(product: string, prefix: string, options: ClientOptions): Settings {
  const url = options.baseUrl || environment(`${product}_BASE_URL`, 'LEMNOS_URL') || DEFAULT_URL;
  if (!/^https?:\/\//.test(url)) {
    throw new TypeError(`The base URL must begin with http:// or https://, not '${url}'.`);
  }
  return {
    baseUrl: root(url, prefix),
    apiKey: options.apiKey || environment(`${product}_API_KEY`, 'LEMNOS_API_KEY'),
    timeout: options.timeout ?? 60_000,
    maxRetries: options.maxRetries ?? 3,
    fetch: options.fetch ?? globalThis.fetch.bind(globalThis),
  };
}

/** A base URL may end with the API's prefix, as the API references write it. */
function root(url: string, prefix: string): string {
  const trimmed = url.replace(/\/+$/, '');
  return trimmed.endsWith(prefix) ? trimmed.slice(0, -prefix.length) : trimmed;
}

function environment(...names: string[]): string {
  const host = globalThis as { process?: { env?: Record<string, string | undefined> } };
  const found = names.map((name) => host.process?.env?.[name]?.trim());
  return found.find(Boolean) ?? '';
}
