import { TaskAwaitingDecisionError, TaskCancelledError, TaskFailedError } from '../errors.js';
import { EventStream, type StreamOptions } from '../events.js';
import { type Page, Pages } from '../pages.js';
import type { RequestOptions } from '../settings.js';
import { type Transport, path } from '../transport.js';
import { type WaitOptions, wait } from '../waiting.js';
import type {
  Cancelling,
  Diff,
  Instructed,
  Instruction,
  NewTask,
  PullRequest,
  TaskDetails,
  TaskState,
} from './types.js';

const ROOT = '/api/v1/tasks';
const PULL_REQUEST_TIMEOUT = 120_000; // milliseconds
const RESTING: readonly string[] = ['completed', 'failed', 'cancelled', 'pr_created'];

type Said = { title?: string; description?: string; target_branch?: string };

interface Listed {
  readonly tasks: readonly TaskDetails[];
  readonly total: number;
  readonly limit: number;
  readonly next: string | null;
}

/** `client.tasks`. */
export class Tasks {
  constructor(private readonly http: Transport) {}

  /** Gives an agent a prompt on a repository. The handle of the task. */
  async create(task: NewTask, options?: RequestOptions): Promise<Task> {
    const created = await this.http.send<{ id: string }>('POST', ROOT, { ...options, body: task });
    return new Task(this, this.http, created.id);
  }

  /** The handle of a task that was created before. Asks nothing of the server. */
  of(taskId: string): Task {
    return new Task(this, this.http, taskId);
  }

  /** A task as it is now; with `iterations` also its prompts and what came of each. */
  get(taskId: string, options: RequestOptions & { iterations?: boolean } = {}): Promise<TaskDetails> {
    const { iterations, ...rest } = options;
    const query = iterations ? { include: 'iterations' } : {};
    return this.http.send('GET', path(ROOT, taskId), { ...rest, query });
  }

  /** The tasks, the newest first; `limit` is the size of a page, at most 100. */
  list(filter: { status?: TaskState; limit?: number } = {}, options?: RequestOptions): Pages<TaskDetails> {
    return new Pages(async (following): Promise<Page<TaskDetails>> => {
      const query = { ...filter, ...following };
      const { tasks, total, limit, next } = await this.http.send<Listed>('GET', ROOT, { ...options, query });
      return { items: tasks, total, following: next === null ? undefined : { cursor: next, limit } };
    });
  }

  /** Follows up in the same workspace. Rejected with ConflictError while the task is at work. */
  instruct(taskId: string, instruction: Instruction, options?: RequestOptions): Promise<Instructed> {
    return this.http.send('POST', path(ROOT, taskId, 'instruct'), { ...options, body: instruction });
  }

  /** Asks a task to end. Rejected with ConflictError when it is at rest. */
  cancel(taskId: string, options?: RequestOptions): Promise<Cancelling> {
    return this.http.send('POST', path(ROOT, taskId, 'cancel'), options);
  }

  /** What a task has changed against the commit it started from. */
  diff(taskId: string, options?: RequestOptions): Promise<Diff> {
    return this.http.send('GET', path(ROOT, taskId, 'diff'), options);
  }

  /** Pushes a task's work and opens a pull request; asked again, pushes to the same one. */
  createPr(taskId: string, said: Said = {}, options?: RequestOptions): Promise<PullRequest> {
    const patient = { timeout: PULL_REQUEST_TIMEOUT, ...options, body: said };
    return this.http.send('POST', path(ROOT, taskId, 'create-pr'), patient);
  }

  /** The task's events from the beginning, or after one of them, until it is at rest. */
  stream(taskId: string, options?: StreamOptions): EventStream {
    return new EventStream(this.http, path(ROOT, taskId, 'stream'), options);
  }
}

/** A handle of a task. */
export class Task {
  constructor(
    private readonly tasks: Tasks,
    private readonly http: Transport,
    readonly id: string,
  ) {}

  /**
   * The task when it has completed. Rejected with TaskFailedError, TaskCancelledError,
   * TaskAwaitingDecisionError when the budget is spent, WaitTimeoutError; the task goes on after
   * the last.
   */
  async wait(options: WaitOptions = {}): Promise<TaskDetails> {
    const look = (patience: RequestOptions): Promise<TaskDetails> => this.get(patience);
    const rests = ({ status }: TaskDetails): boolean => RESTING.includes(status);
    const stream = path(ROOT, this.id, 'stream');
    const task = await wait(this.http, { look, rests, stream }, options);
    if (task.paused) {
      const message = `${this.id} has spent its budget and waits for a decision.`;
      throw new TaskAwaitingDecisionError(message, task);
    }
    if (task.status === 'cancelled') {
      throw new TaskCancelledError(`${this.id} was cancelled.`, task);
    }
    if (task.status === 'failed') {
      throw new TaskFailedError(`${this.id} failed: ${task.error}`, task);
    }
    return task;
  }

  get(options?: RequestOptions & { iterations?: boolean }): Promise<TaskDetails> {
    return this.tasks.get(this.id, options);
  }

  instruct(instruction: Instruction, options?: RequestOptions): Promise<Instructed> {
    return this.tasks.instruct(this.id, instruction, options);
  }

  cancel(options?: RequestOptions): Promise<Cancelling> {
    return this.tasks.cancel(this.id, options);
  }

  diff(options?: RequestOptions): Promise<Diff> {
    return this.tasks.diff(this.id, options);
  }

  createPr(said?: Said, options?: RequestOptions): Promise<PullRequest> {
    return this.tasks.createPr(this.id, said, options);
  }

  stream(options?: StreamOptions): EventStream {
    return this.tasks.stream(this.id, options);
  }
}
