import { type Page, Pages } from '../pages.js';
import { type ClientOptions, type RequestOptions, settingsOf } from '../settings.js';
import { Transport, path } from '../transport.js';
import { CleanupRun, GuardRailsRun, Operations } from './run.js';
import type {
  Hotspots,
  Ingested,
  NewCleanup,
  NewGuardRails,
  NewMeasurements,
  NewRefactoring,
  Operation,
  OperationState,
  Rankings,
  RefactoringTask,
  Strategy,
  Where,
} from './types.js';

const GUARD_RAILS = '/api/v1/quality/guard-rails';
const ANALYTICS = '/api/v1/analytics';

interface Listed {
  readonly tasks: readonly Operation[];
  readonly limit: number;
  readonly next: string | null;
}

/** `client.quality`: the gates of projects. */
export class Quality {
  constructor(private readonly http: Transport) {}

  /** Starts the gates. The handle of the run, whose `wait` gives what they say. */
  async guardRails(asked: NewGuardRails = {}, options?: RequestOptions): Promise<GuardRailsRun> {
    const body = { ...asked, async: true };
    const started = await this.http.send<Operation>('POST', GUARD_RAILS, { ...options, body });
    return new GuardRailsRun(this.http, started.task_id);
  }

  /** The handle of a run that was started before. Asks nothing of the server. */
  of(taskId: string): GuardRailsRun {
    return new GuardRailsRun(this.http, taskId);
  }

  /** The runs without their results, the newest first. */
  list(filter: { status?: OperationState; limit?: number } = {}, options?: RequestOptions): Pages<Operation> {
    return new Pages(async (following): Promise<Page<Operation>> => {
      const query = { ...filter, ...following };
      const { tasks, limit, next } = await this.http.send<Listed>('GET', GUARD_RAILS, { ...options, query });
      return { items: tasks, total: undefined, following: next === null ? undefined : { cursor: next, limit } };
    });
  }

  /** The findings of a run as a SARIF 2.1.0 log. */
  sarif(taskId: string, options?: RequestOptions): Promise<Readonly<Record<string, unknown>>> {
    return this.http.send('GET', path(GUARD_RAILS, taskId, 'sarif'), options);
  }
}

/** `client.cleanup`: what tools and systems have left behind. */
export class Cleanup {
  constructor(private readonly http: Transport) {}

  /** Starts to clean. The handle of the run. */
  async clean(asked: NewCleanup = {}, options?: RequestOptions): Promise<CleanupRun> {
    const body = { ...asked, async: true };
    const started = await this.http.send<Operation>('POST', '/api/v1/cleanup', { ...options, body });
    return new CleanupRun(this.http, started.task_id);
  }
}

/** `client.analytics`: which files are worth a refactoring. */
export class Analytics {
  constructor(private readonly http: Transport) {}

  /** The files, the most worthwhile first; `limit` is at most 100. */
  rankings(
    asked: Where & { strategy?: Strategy; limit?: number } = {},
    options?: RequestOptions,
  ): Promise<Rankings> {
    return this.http.send('GET', `${ANALYTICS}/rankings`, { ...options, query: { ...asked } });
  }

  /** Files that are complicated and often changed, the hottest first. */
  hotspots(asked: Where & { limit?: number } = {}, options?: RequestOptions): Promise<Hotspots> {
    return this.http.send('GET', `${ANALYTICS}/hotspots`, { ...options, query: { ...asked } });
  }

  /** Has an agent refactor a file of the rankings. */
  refactor(asked: NewRefactoring, options?: RequestOptions): Promise<RefactoringTask> {
    return this.http.send('POST', `${ANALYTICS}/rankings/refactor`, { ...options, body: asked });
  }

  /** Sends what another system has measured of each file. */
  ingest(measured: NewMeasurements, options?: RequestOptions): Promise<Ingested> {
    return this.http.send('POST', `${ANALYTICS}/ingest`, { ...options, body: measured });
  }
}

/** A client of Hephaestus. */
export class Hephaestus {
  /** The root of the server that is asked. */
  readonly baseUrl: string;
  readonly quality: Quality;
  readonly cleanup: Cleanup;
  readonly analytics: Analytics;
  readonly operations: Operations;

  constructor(options: ClientOptions = {}) {
    const settings = settingsOf('HEPHAESTUS', '/api/v1', options);
    const http = new Transport(settings);
    this.baseUrl = settings.baseUrl;
    this.quality = new Quality(http);
    this.cleanup = new Cleanup(http);
    this.analytics = new Analytics(http);
    this.operations = new Operations(http);
  }
}
