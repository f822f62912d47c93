import { TaskAwaitingDecisionError, TaskCancelledError, TaskFailedError } from '../errors.js';
import type { EventStream, StreamOptions } from '../events.js';
import type { RequestOptions } from '../settings.js';
import { type Transport, path } from '../transport.js';
import { type WaitOptions, wait } from '../waiting.js';
import type { Tasks } from './tasks.js';
import type { Attempt, Diff, Result, Routing, TaskCancelled, TaskDetails, TaskState, TaskSubmitted } from './types.js';

const RESTING: readonly string[] = ['completed', 'failed', 'cancelled', 'awaiting_decision'];
const NOTHING: Result = {
  code: null,
  language: null,
  explanation: '',
  suggestions: [],
  findings: [],
  diff: null,
  changes: null,
};

/** What a task came to, and the task itself. */
export interface Completed extends Result {
  readonly taskId: string;
  readonly task: TaskDetails;
}

/** A handle of a task. */
export class Task {
  constructor(
    private readonly tasks: Tasks,
    private readonly http: Transport,
    readonly taskId: string,
    /** Its last known status; `refresh()` asks for a new one. */
    public status: TaskState | undefined = undefined,
    /** What the server said when it accepted the task. */
    readonly submitted: TaskSubmitted | undefined = undefined,
  ) {}

  /**
   * The result, when the task has completed. Rejected with TaskFailedError and all attempts, with
   * TaskCancelledError, TaskAwaitingDecisionError when the budget is spent, WaitTimeoutError; the
   * task goes on after the last.
   */
  async wait(options: WaitOptions = {}): Promise<Completed> {
    const task = await wait(
      this.http,
      {
        look: (patience) => this.refresh(patience),
        rests: ({ status }) => RESTING.includes(status),
        stream: path('/v1/tasks', this.taskId, 'events'),
      },
      options,
    );
    if (task.status === 'completed') {
      return { ...(task.result ?? NOTHING), taskId: this.taskId, task };
    }
    throw await this.#failure(task);
  }

  /** Asks for the task's state. */
  async refresh(options?: RequestOptions): Promise<TaskDetails> {
    const task = await this.tasks.get(this.taskId, options);
    this.status = task.status;
    return task;
  }

  cancel(options?: RequestOptions): Promise<TaskCancelled> {
    return this.tasks.cancel(this.taskId, options);
  }

  /** Tries it again, as a new task. */
  retry(changed?: Parameters<Tasks['retry']>[1], options?: RequestOptions): Promise<Task> {
    return this.tasks.retry(this.taskId, changed, options);
  }

  routing(options?: RequestOptions): Promise<Routing> {
    return this.tasks.routing(this.taskId, options);
  }

  diff(options?: RequestOptions): Promise<Diff> {
    return this.tasks.diff(this.taskId, options);
  }

  feedback(said: Parameters<Tasks['feedback']>[1], options?: RequestOptions): ReturnType<Tasks['feedback']> {
    return this.tasks.feedback(this.taskId, said, options);
  }

  pullRequest(
    said?: Parameters<Tasks['pullRequest']>[1],
    options?: RequestOptions,
  ): ReturnType<Tasks['pullRequest']> {
    return this.tasks.pullRequest(this.taskId, said, options);
  }

  events(options?: StreamOptions): EventStream {
    return this.tasks.events(this.taskId, options);
  }

  async #failure(task: TaskDetails): Promise<Error> {
    if (task.status === 'cancelled') {
      return new TaskCancelledError(`${this.taskId} was cancelled.`, task);
    }
    if (task.status === 'awaiting_decision') {
      const message = `${this.taskId} has spent its budget and waits for a decision.`;
      return new TaskAwaitingDecisionError(message, task);
    }
    const attempts: readonly Attempt[] = await this.routing().then(
      (routing) => routing.attempts,
      () => [], // the failure itself is what counts
    );
    const why = task.error?.message ?? 'the server gave no reason';
    return new TaskFailedError(`${this.taskId} failed: ${why}`, task, attempts);
  }
}

/** A task that was submitted: a promise of its result, with its handle as `task`. */
export class Submission implements Promise<Completed> {
  readonly [Symbol.toStringTag] = 'Submission';
  #completed: Promise<Completed> | undefined;

  constructor(
    /** The handle, as soon as the task is accepted. */
    readonly task: Promise<Task>,
    private readonly options?: WaitOptions,
  ) {}

  /** Begins to wait when it is first awaited. */
  then<A = Completed, B = never>(
    onFulfilled?: ((value: Completed) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#completed ??= this.task.then((task) => task.wait(waitOptions(this.options)));
    return this.#completed.then(onFulfilled, onRejected);
  }

  catch<B = never>(onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null): Promise<Completed | B> {
    return this.then(null, onRejected);
  }

  finally(onFinally?: (() => void) | null): Promise<Completed> {
    return this.then().finally(onFinally);
  }
}

function waitOptions({ timeout, signal }: WaitOptions = {}): WaitOptions {
  return { ...(timeout === undefined ? {} : { timeout }), ...(signal ? { signal } : {}) };
}
