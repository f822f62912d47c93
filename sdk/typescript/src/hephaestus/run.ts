import { TaskCancelledError, TaskFailedError } from '../errors.js';
import { EventStream, type StreamOptions } from '../events.js';
import type { RequestOptions } from '../settings.js';
import { type Transport, path } from '../transport.js';
import { type WaitOptions, wait } from '../waiting.js';
import type { Cancelling, Cleaned, GuardRails, Operation } from './types.js';

const ROOT = '/api/v1/tasks';
const ENDED: readonly string[] = ['completed', 'failed', 'cancelled'];

/** `client.operations`: runs by their ids. */
export class Operations {
  constructor(private readonly http: Transport) {}

  /** A run as it is now, with its result once it has completed. */
  get<Result>(taskId: string, options?: RequestOptions): Promise<Operation<Result>> {
    return this.http.send('GET', path(ROOT, taskId), options);
  }

  /** Ends a run and its tools. Rejected with ConflictError when it has ended. */
  cancel(taskId: string, options?: RequestOptions): Promise<Cancelling> {
    return this.http.send('POST', path(ROOT, taskId, 'cancel'), options);
  }

  /** The run's events from the beginning, or after one of them, to its end. */
  stream(taskId: string, options?: StreamOptions): EventStream {
    return new EventStream(this.http, path(ROOT, taskId, 'stream'), options);
  }
}

/** A handle of a run. */
class Run<Result> {
  readonly #operations: Operations;

  constructor(
    private readonly http: Transport,
    readonly id: string,
  ) {
    this.#operations = new Operations(http);
  }

  /**
   * What it came to. Rejected with TaskFailedError when it could not be carried out,
   * TaskCancelledError, WaitTimeoutError; the run goes on after the last.
   */
  async wait(options: WaitOptions = {}): Promise<Result> {
    const look = (patience: RequestOptions): Promise<Operation<Result>> => this.get(patience);
    const rests = ({ status }: Operation<Result>): boolean => ENDED.includes(status);
    const run = await wait(this.http, { look, rests, stream: path(ROOT, this.id, 'stream') }, options);
    if (run.status === 'cancelled') {
      throw new TaskCancelledError(`${this.id} was cancelled.`, run);
    }
    if (run.status === 'failed') {
      throw new TaskFailedError(`${this.id} failed: ${run.error}`, run);
    }
    return run.result as Result;
  }

  /** As it is now. */
  get(options?: RequestOptions): Promise<Operation<Result>> {
    return this.#operations.get<Result>(this.id, options);
  }

  /** Ends it and its tools. */
  cancel(options?: RequestOptions): Promise<Cancelling> {
    return this.#operations.cancel(this.id, options);
  }

  /** Its events, such as each gate as it begins and ends. */
  stream(options?: StreamOptions): EventStream {
    return this.#operations.stream(this.id, options);
  }
}

/** A handle of a run of gates; `wait` gives what they say, also when they fail. */
export class GuardRailsRun extends Run<GuardRails> {}

/** A handle of a cleanup; `wait` gives what went. */
export class CleanupRun extends Run<Cleaned> {}
