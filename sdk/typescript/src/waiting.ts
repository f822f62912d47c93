import { LemnosError, WaitTimeoutError } from './errors.js';
import { EventStream } from './events.js';
import { sleep } from './retry.js';
import type { RequestOptions } from './settings.js';
import type { Transport } from './transport.js';

const LONGEST_PAUSE = 10_000;

/** How long to wait. */
export interface WaitOptions {
  /** Milliseconds in all; for ever unless given. */
  timeout?: number;
  signal?: AbortSignal;
}

/** What is waited for. */
export interface Awaited<T> {
  /** Asks for its state. */
  look(options: RequestOptions): Promise<T>;
  rests(found: T): boolean;
  /** The path of its events, where it has some. */
  readonly stream?: string;
}

/**
 * Waits until something is at rest: by its stream of events, which costs one request, else by
 * looking with growing pauses. Rejected with WaitTimeoutError, or the signal's reason.
 */
export async function wait<T>(http: Transport, what: Awaited<T>, given: WaitOptions): Promise<T> {
  const ending = new AbortController();
  const late = new WaitTimeoutError(`The task is still at work after ${given.timeout} ms.`);
  const timer = given.timeout === undefined ? undefined : setTimeout(() => ending.abort(late), given.timeout);
  const signal = given.signal ? AbortSignal.any([given.signal, ending.signal]) : ending.signal;
  try {
    if (what.stream !== undefined) {
      await follow(http, what.stream, signal);
    }
    for (let pause = 1_000; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      const found = await what.look({ signal });
      if (what.rests(found)) {
        return found;
      }
      await sleep(pause, signal);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Follows a stream up to its end. A look says whether a failure was the stream's alone. */
async function follow(http: Transport, path: string, signal: AbortSignal): Promise<void> {
  try {
    for await (const _ of new EventStream(http, path, { signal })) {
      // Only the end counts.
    }
  } catch (error) {
    if (signal.aborted || !(error instanceof LemnosError)) {
      throw error;
    }
  }
}
