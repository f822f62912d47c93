import type { Following, Page } from '../pages.js';
import { pageByOffset } from '../pages.js';
import type { RequestOptions } from '../settings.js';
import type { Query, Transport } from '../transport.js';

/** ORCHEX's envelope. */
interface Envelope<T> {
  readonly data: T;
}

/** Requests whose answers come in ORCHEX's envelope: `{"success": true, "data": {…}, "meta": {…}}`. */
export class Enveloped {
  constructor(readonly http: Transport) {}

  async get<T>(path: string, query?: Query, options?: RequestOptions): Promise<T> {
    return (await this.http.send<Envelope<T>>('GET', path, { ...options, query })).data;
  }

  async post<T>(path: string, body?: unknown, options?: RequestOptions): Promise<T> {
    return (await this.http.send<Envelope<T>>('POST', path, { ...options, body })).data;
  }

  async put<T>(path: string, body: unknown, options?: RequestOptions): Promise<T> {
    return (await this.http.send<Envelope<T>>('PUT', path, { ...options, body })).data;
  }

  /** The answer to a deletion has no content everywhere. */
  async delete<T>(path: string, query?: Query, options?: RequestOptions): Promise<T> {
    return (await this.http.send<Envelope<T> | undefined>('DELETE', path, { ...options, query }))
      ?.data as T;
  }

  /** Asks for the pages of a list, whose items are under `name`. */
  list<T>(path: string, name: string, query: Query = {}, options?: RequestOptions) {
    return async (following: Following): Promise<Page<T>> => {
      const data = await this.get<Listed<T>>(path, { ...query, ...following }, options);
      return pageByOffset(data[name] as readonly T[], data);
    };
  }
}

type Listed<T> = { total?: number | null; limit: number; offset: number } & Readonly<
  Record<string, unknown | readonly T[]>
>;
