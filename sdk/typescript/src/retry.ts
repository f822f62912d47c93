import type { LemnosError } from './errors.js';

const FIRST_PAUSE = 500; // milliseconds
const LONGEST_PAUSE = 8_000;
const LONGEST_RETRY_AFTER = 60_000; // a server that asks for more is not waited for

/** Milliseconds to wait after so many failures in a row, from 1, up to a quarter taken off. */
export function backoff(number: number): number {
  const pause = Math.min(FIRST_PAUSE * 2 ** Math.min(number - 1, 10), LONGEST_PAUSE);
  return pause * (1 - 0.25 * Math.random());
}

/** Counts failures in a row, and says what is to follow each. */
export class Retries {
  #failures = 0;

  constructor(private readonly atMost: number) {}

  /** It has worked again. */
  reset(): void {
    this.#failures = 0;
  }

  /** Milliseconds to wait before the next try. Throws the error when there is to be none. */
  pause(error: LemnosError): number {
    this.#failures += 1;
    const wished = (error.retryAfter ?? 0) * 1000;
    if (!error.isTemporary || this.#failures > this.atMost || wished > LONGEST_RETRY_AFTER) {
      throw error;
    }
    return Math.max(wished, backoff(this.#failures));
  }
}

/** Pauses; rejected with the signal's reason when that ends it. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', ended);
      resolve();
    }, milliseconds);
    if (signal?.aborted) {
      ended();
    } else {
      signal?.addEventListener('abort', ended, { once: true });
    }
  });
}
