import { EventStream, type StreamOptions } from '../events.js';
import { Pages } from '../pages.js';
import type { RequestOptions } from '../settings.js';
import { path } from '../transport.js';
import type { WaitOptions } from '../waiting.js';
import type { Enveloped } from './envelope.js';
import { Submission, Task } from './task.js';
import type {
  Diff,
  NewTask,
  Priority,
  Proposed,
  Routing,
  TaskCancelled,
  TaskDetails,
  TaskFilter,
  TaskSubmitted,
  TaskSummary,
  Verdict,
} from './types.js';

const ROOT = '/v1/tasks';
const PULL_REQUEST_TIMEOUT = 120_000; // milliseconds

/** `client.tasks`. */
export class Tasks {
  constructor(private readonly http: Enveloped) {}

  /**
   * Submits a task. Awaiting the answer waits for the task's completion and gives its result:
   * `(await tasks.submit(…)).code`. `create` does not wait.
   */
  submit(task: NewTask, options?: RequestOptions & WaitOptions): Submission {
    return new Submission(this.create(task, options), options);
  }

  /** Submits a task, and gives its handle as soon as it is accepted. */
  async create(task: NewTask, { signal }: RequestOptions = {}): Promise<Task> {
    const submitted = await this.http.post<TaskSubmitted>(ROOT, task, signal ? { signal } : {});
    return new Task(this, this.http.http, submitted.task_id, submitted.status, submitted);
  }

  /** The handle of a task that was submitted before. Asks nothing of the server. */
  of(taskId: string): Task {
    return new Task(this, this.http.http, taskId);
  }

  /** A task as it is now. */
  get(taskId: string, options?: RequestOptions): Promise<TaskDetails> {
    return this.http.get(path(ROOT, taskId), {}, options);
  }

  /** The tasks, the newest first. */
  list(filter: TaskFilter = {}, options?: RequestOptions): Pages<TaskSummary> {
    return new Pages(this.http.list<TaskSummary>(ROOT, 'tasks', { ...filter }, options));
  }

  /** Cancels a task that waits or runs. */
  cancel(taskId: string, options?: RequestOptions): Promise<TaskCancelled> {
    return this.http.delete(path(ROOT, taskId), {}, options);
  }

  /** Tries a task again, as a new one, perhaps with another agent. The new task's handle. */
  async retry(
    taskId: string,
    changed: { agent_id?: string; priority?: Priority } = {},
    options?: RequestOptions,
  ): Promise<Task> {
    type Retried = { readonly retry_task_id: string; readonly status: TaskDetails['status'] };
    const { retry_task_id: retried, status } = await this.http.post<Retried>(
      path(ROOT, taskId, 'retry'),
      changed,
      options,
    );
    return new Task(this, this.http.http, retried, status);
  }

  /** Who could do the task, why others could not, and each try that was made. */
  routing(taskId: string, options?: RequestOptions): Promise<Routing> {
    return this.http.get(path(ROOT, taskId, 'routing'), {}, options);
  }

  /** What the task has changed in its repository. */
  diff(taskId: string, options?: RequestOptions): Promise<Diff> {
    return this.http.get(path(ROOT, taskId, 'diff'), {}, options);
  }

  /** Says of a task's work that it was approved, rejected or reverted. */
  feedback(
    taskId: string,
    said: { verdict: Verdict; comment?: string },
    options?: RequestOptions,
  ): Promise<{ readonly task_id: string; readonly verdict: Verdict }> {
    return this.http.post(path(ROOT, taskId, 'feedback'), said, options);
  }

  /** Pushes the task's work and opens a pull request. */
  pullRequest(
    taskId: string,
    said: { title?: string; body?: string; target_branch?: string } = {},
    options?: RequestOptions,
  ): Promise<Proposed> {
    const patient = { timeout: PULL_REQUEST_TIMEOUT, ...options };
    return this.http.post(path(ROOT, taskId, 'pull-request'), said, patient);
  }

  /** The task's events from the beginning, or after one of them, up to its end. */
  events(taskId: string, options?: StreamOptions): EventStream {
    return new EventStream(this.http.http, path(ROOT, taskId, 'events'), options);
  }
}
