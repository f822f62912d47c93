/**
 * What can go wrong, as a tree:
 *
 *     LemnosError
 *     ├── APIConnectionError          no answer
 *     │   └── APITimeoutError         none in time
 *     ├── APIStatusError              an answer that says no
 *     │   ├── ValidationError         400: field, issue
 *     │   ├── AuthenticationError     401
 *     │   ├── PermissionDeniedError   403
 *     │   ├── NotFoundError           404
 *     │   ├── ConflictError           409
 *     │   ├── UnprocessableError      422
 *     │   ├── RateLimitError          429: retryAfter
 *     │   └── ServerError             500 and above
 *     ├── ResponseError               an answer that is not what the API promises
 *     ├── TaskError                   a task that was waited for did not complete
 *     │   ├── TaskFailedError         attempts
 *     │   ├── TaskCancelledError
 *     │   └── TaskAwaitingDecisionError
 *     ├── WaitTimeoutError            a task that was waited for is not at rest yet
 *     └── WebhookVerificationError    a webhook that is not from this server
 *
 * What the caller's own AbortSignal ends is rejected with that signal's reason.
 */
export class LemnosError extends Error {
  /** Whether the same request is worth another try. */
  get isTemporary(): boolean {
    return false;
  }

  /** Seconds after which the server wants to be asked again. */
  readonly retryAfter: number | undefined = undefined;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** The server could not be reached, or the connection broke. */
export class APIConnectionError extends LemnosError {
  override get isTemporary(): boolean {
    return true;
  }
}

/** The server did not answer in time. */
export class APITimeoutError extends APIConnectionError {}

/** An answer that is not what the API promises; perhaps something else answers at this URL. */
export class ResponseError extends LemnosError {}

type Details = Readonly<Record<string, unknown>>;

/** What an answer of 400 or above tells. */
export interface Refusal {
  readonly message: string;
  readonly status: number;
  /** The API's own name for it: `CONFLICT`, `task_busy`. */
  readonly code: string;
  /** Finds the request in the server's log. */
  readonly requestId: string;
  readonly details: Details;
  /** The whole answer. */
  readonly body: unknown;
  readonly retryAfter: number | undefined;
}

/** An answer of 400 or above. */
export class APIStatusError extends LemnosError {
  readonly status: number;
  readonly code: string;
  readonly requestId: string;
  readonly details: Details;
  readonly body: unknown;
  override readonly retryAfter: number | undefined;

  constructor(told: Refusal) {
    const about = [told.status, told.code, told.requestId].filter(Boolean).join(', ');
    super(`${told.message} (${about})`);
    this.status = told.status;
    this.code = told.code;
    this.requestId = told.requestId;
    this.details = told.details;
    this.body = told.body;
    this.retryAfter = told.retryAfter;
  }

  /** The most exact name of the error, the same in both APIs: `agent_exists`. */
  get reason(): string {
    return String(this.details['reason'] ?? this.code);
  }
}

/** 400: the request is wrong in itself. */
export class ValidationError extends APIStatusError {
  /** Problem by field. */
  get fields(): Readonly<Record<string, string>> {
    const { fields, field, issue } = this.details;
    if (isObject(fields)) {
      return fields as Record<string, string>;
    }
    return typeof field === 'string' ? { [field]: String(issue ?? '') } : {};
  }

  /** The first field that is wrong; empty when the server named none. */
  get field(): string {
    return Object.keys(this.fields)[0] ?? '';
  }

  /** What is wrong with it, or with the request as a whole. */
  get issue(): string {
    return this.fields[this.field] ?? String(this.details['issue'] ?? '');
  }
}

/** 401: no key, or one that is not valid. */
export class AuthenticationError extends APIStatusError {}

/** 403: the key may not do this. */
export class PermissionDeniedError extends APIStatusError {}

/** 404: there is no such thing, or it belongs to somebody else. */
export class NotFoundError extends APIStatusError {}

/** 409: not in this state. A first request that is still at work passes by itself. */
export class ConflictError extends APIStatusError {
  override get isTemporary(): boolean {
    return this.reason === 'idempotency_in_flight' || this.retryAfter !== undefined;
  }
}

/** 422: a rule forbids it. */
export class UnprocessableError extends APIStatusError {}

/** 429: too many requests. */
export class RateLimitError extends APIStatusError {
  override get isTemporary(): boolean {
    return true;
  }
}

/** 500 and above: the server's fault, worth another try but for 501. */
export class ServerError extends APIStatusError {
  override get isTemporary(): boolean {
    return this.status !== 501;
  }
}

/** A task did not complete. `task` is its last known state. */
export class TaskError<Task = unknown> extends LemnosError {
  constructor(
    message: string,
    readonly task: Task,
  ) {
    super(message);
  }
}

/** A task failed. `attempts` are all tries of all agents, where the API tells them. */
export class TaskFailedError<Task = unknown, Attempt = unknown> extends TaskError<Task> {
  constructor(
    message: string,
    task: Task,
    readonly attempts: readonly Attempt[] = [],
  ) {
    super(message, task);
  }
}

/** A task was cancelled. */
export class TaskCancelledError<Task = unknown> extends TaskError<Task> {}

/** A task has reached its budget and waits for somebody to decide. */
export class TaskAwaitingDecisionError<Task = unknown> extends TaskError<Task> {}

/** A task is not at rest after the time that was given to it; it goes on. */
export class WaitTimeoutError extends LemnosError {}

/** A webhook that is not signed with this secret, or is too old. */
export class WebhookVerificationError extends LemnosError {}

const BY_STATUS: Readonly<Record<number, new (told: Refusal) => APIStatusError>> = {
  400: ValidationError,
  401: AuthenticationError,
  403: PermissionDeniedError,
  404: NotFoundError,
  409: ConflictError,
  422: UnprocessableError,
  429: RateLimitError,
};

/** Whether an answer's text tells of an error, whatever its status. */
export function isRefusal(text: string): boolean {
  const body = parsed(text);
  return !isObject(body) || 'error' in body;
}

/** What an answer of 400 or above means, from its text. */
export function errorOf(response: Response, text: string): APIStatusError {
  const { status, headers } = response;
  const Kind = BY_STATUS[status] ?? (status >= 500 ? ServerError : APIStatusError);
  const body = parsed(text);
  const said = isObject(body) ? body : {};
  const inner = said['error'];
  const told = isObject(inner) ? inner : said; // ORCHEX nests it, others do not
  const fields = told['fields'] === undefined ? {} : { fields: told['fields'] };
  const details = isObject(told['details']) ? { ...fields, ...told['details'] } : fields;
  const meta = isObject(said['meta']) ? said['meta'] : said;
  return new Kind({
    message: String(told['message'] ?? told['detail'] ?? `The server answered ${status}.`),
    status,
    code: String(told['code'] ?? (typeof inner === 'string' ? inner : '')),
    requestId: headers.get('x-request-id') ?? String(meta['request_id'] ?? ''),
    details,
    body: body ?? text,
    retryAfter: retryAfter(status, headers, details),
  });
}

/** Seconds; `X-RateLimit-Retry-After` is on every answer and counts on a 429 alone. */
function retryAfter(status: number, headers: Headers, details: Details): number | undefined {
  let found: unknown = headers.get('retry-after');
  if (found === null && status === 429) {
    found = headers.get('x-ratelimit-retry-after') ?? details['retry_after'];
  }
  if (found === null || found === undefined) {
    return undefined;
  }
  const seconds = Number(found);
  const wait = Number.isNaN(seconds) ? (Date.parse(String(found)) - Date.now()) / 1000 : seconds;
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
