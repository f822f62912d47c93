import { APIConnectionError, LemnosError, ResponseError } from './errors.js';
import { Retries, sleep } from './retry.js';
import type { Frame } from './sse.js';
import type { Transport } from './transport.js';

const RECONNECTS = 8; // in a row without an event, about 40 seconds

/** Something that happened to a task. */
export interface TaskEvent {
  /** What a stream resumes after. */
  readonly id: string;
  /** `system`, `git`, `cli`, `stream` or `result`; `connected` first and `done` last. */
  readonly type: string;
  readonly event: string;
  readonly data: unknown;
  readonly ts: string;
  /** The same in normal form, where `data` is an agent's own words. */
  readonly detail: Readonly<Record<string, unknown>>;
}

/** Where a stream begins, and what ends it. */
export interface StreamOptions {
  /** The id of the event after which to begin. */
  after?: string;
  signal?: AbortSignal;
}

/**
 * Iterate over it, once, to follow a task up to its end. Where the connection is cut, the stream
 * goes on after the last event that came.
 */
export class EventStream implements AsyncIterable<TaskEvent> {
  /** The id of the last event that came: give it as `after` to go on from there. */
  lastId: string;
  readonly #signal: AbortSignal | undefined;
  #isConnected = false;
  #isFinished = false;

  constructor(
    private readonly http: Transport,
    private readonly path: string,
    options: StreamOptions = {},
  ) {
    this.lastId = options.after ?? '';
    this.#signal = options.signal;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TaskEvent, void, undefined> {
    const retries = new Retries(this.http.settings.maxRetries > 0 ? RECONNECTS : 0);
    while (!this.#isFinished) {
      let lost: LemnosError = new APIConnectionError('The stream of events ended before the task did.');
      try {
        for await (const frame of this.http.stream(this.path, this.lastId, this.#signal)) {
          retries.reset();
          const event = this.#take(frame);
          if (event) {
            yield event;
          }
        }
      } catch (error) {
        if (!(error instanceof LemnosError)) {
          throw error;
        }
        lost = error;
      }
      if (!this.#isFinished) {
        await sleep(retries.pause(lost), this.#signal);
      }
    }
  }

  /** The event that a frame tells; undefined for one that tells nothing new. */
  #take({ name, data, id }: Frame): TaskEvent | undefined {
    this.lastId = id || this.lastId;
    const isAgain = this.#isConnected;
    this.#isConnected = true;
    this.#isFinished = name === 'done';
    const content = contentOf(data);
    if (name === '') {
      return { type: '', event: '', data: null, ts: '', detail: {}, ...content, id };
    }
    if (name === 'done' || (name === 'connected' && !isAgain)) {
      return { id: '', type: name, event: name, data: content, ts: '', detail: {} };
    }
    return undefined;
  }
}

function contentOf(data: string): Partial<TaskEvent> {
  try {
    return JSON.parse(data) as Partial<TaskEvent>;
  } catch (cause) {
    throw new ResponseError('An event of the stream is no JSON.', { cause });
  }
}
